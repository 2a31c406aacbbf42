// Command conformance says which test proves which rule of the protocol.
//
// The rules stand in testdata/rules.txt. Tests cite them by number, in a
// comment or a string inside a test function or just above it, and in the
// scripts under testdata/fsm and testdata/config: there is no other list to
// keep. Whoever cites a rule says that the test fails when the rule is broken.
//
//	conformance test ARGUMENTS   go test ARGUMENTS, and remember what became of each test
//	conformance table            every rule, its tests, and what became of them
//
// Both leave with status 1 if something is wrong: a test that failed, or a
// rule that is neither proved nor excused.
package main

import (
	"fmt"
	"os"
)

// results is where "test" leaves for "table" what became of each test.
const results = "bin/tests.json"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) > 1 && args[0] == "test":
		return test(args[1:], os.Stdout)
	case len(args) == 1 && args[0] == "table":
		return table(".", os.Stdout)
	}
	return fmt.Errorf("usage: conformance test ARGUMENTS, or conformance table")
}
