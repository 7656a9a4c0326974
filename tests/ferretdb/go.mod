// The MongoDB-compatible server of the tests where there is no mongod: scripts/build-ferretdb builds it.
module cronfleet/tests/ferretdb

go 1.22

require github.com/FerretDB/FerretDB v1.24.2
