// The schedule library of the reference as it is (github.com/gorhill/cronexpr), asked over standard input: one JSON object
// a line, {"expression","time_zone","from","count"} with `from` in seconds since 1970; answers one a line, in order:
// {"firings":[…]}, {"error":"…"} for a text that it refuses, {"panic":"…"} where it falls over. A firing that is not later
// than the one before ends the list with "stuck":true. schedules_test.py builds and asks it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/gorhill/cronexpr"
)

type question struct {
	Expression string `json:"expression"`
	TimeZone   string `json:"time_zone"`
	From       int64  `json:"from"`
	Count      int    `json:"count"`
}

type answer struct {
	Firings []int64 `json:"firings,omitempty"`
	Stuck   bool    `json:"stuck,omitempty"`
	Error   string  `json:"error,omitempty"`
	Panic   string  `json:"panic,omitempty"`
}

func ask(q question) (a answer) {
	defer func() {
		if trouble := recover(); trouble != nil {
			a = answer{Panic: fmt.Sprint(trouble)}
		}
	}()
	zone, err := time.LoadLocation(q.TimeZone)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	expression, err := cronexpr.Parse(q.Expression)
	if err != nil {
		return answer{Error: err.Error()}
	}
	// As the reference's scheduler does: the next one is asked for from the one that has just come.
	for at := time.Unix(q.From, 0).In(zone); len(a.Firings) < q.Count; {
		next := expression.Next(at)
		if next.IsZero() {
			break
		}
		if !next.After(at) {
			a.Stuck = true
			break
		}
		a.Firings = append(a.Firings, next.Unix())
		at = next
	}
	return a
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		out.Encode(ask(q))
	}
}
