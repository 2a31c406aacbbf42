package main

import (
	"fmt"
	"io"
	"strings"
)

// module is the path that go test puts before the name of a package.
const module = "regent/"

// table prints every rule, the tests that prove it, and what became of them.
// It is an error if one is neither proved nor excused, or a proof failed.
func table(root string, w io.Writer) error {
	rules, err := readRules(root)
	if err != nil {
		return err
	}
	citations, err := readCitations(root)
	if err != nil {
		return err
	}
	o, err := readOutcomes(results)
	if err != nil {
		return err
	}
	var proved, excused int
	var open []string
	for _, r := range rules {
		tests := testsOf(r.id, citations)
		is := verdict(r, tests, o)
		fmt.Fprintf(w, "%-5s %-8s %s\n", r.id, is, r.sentence())
		for _, p := range tests {
			fmt.Fprintf(w, "%15s%s: %s%s\n", "", p.pkg, p.test, remark(o.of(p)))
		}
		switch is {
		case "proved":
			proved++
		case "excused":
			excused++
			fmt.Fprintf(w, "%15suntested: %s\n", "", r.untested)
		default:
			open = append(open, string(r.id))
		}
	}
	fmt.Fprintf(w, "\n%d rules: %d proved, %d excused, %d open\n", len(rules), proved, excused, len(open))
	if len(open) > 0 {
		return fmt.Errorf("neither proved nor excused: %s", strings.Join(open, " "))
	}
	return nil
}

// verdict is what the tests of a rule say together: a rule is proved if all of
// them passed.
func verdict(r rule, tests []place, o outcomes) string {
	for _, p := range tests {
		if o.of(p) != "pass" {
			return "OPEN"
		}
	}
	switch {
	case len(tests) > 0:
		return "proved"
	case r.untested != "":
		return "excused"
	}
	return "OPEN"
}

// remark shows an outcome, unless it is the usual one.
func remark(outcome string) string {
	if outcome == "pass" {
		return ""
	}
	return " (" + outcome + ")"
}
