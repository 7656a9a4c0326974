module cronfleet/tests/cronexpr

go 1.19

require github.com/gorhill/cronexpr v0.0.0-20180427100037-88b0669f7d75
