package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// outcomes tell what became of each test, by "fsm TestConversations/backup".
type outcomes map[string]string

// readOutcomes reads what test has left.
func readOutcomes(file string) (outcomes, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%w (\"conformance test ./...\" comes first)", err)
	}
	defer f.Close()
	o := make(outcomes)
	for events := json.NewDecoder(f); ; {
		var e event
		if err := events.Decode(&e); errors.Is(err, io.EOF) {
			return o, nil
		} else if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		o.note(e)
	}
}

// note adds an outcome. A test of which a part was skipped counts as skipped,
// although go test says that it passed: it comes after its parts.
func (o outcomes) note(e event) {
	pkg := strings.TrimPrefix(e.Package, module)
	if e.Action == "pass" && o[pkg+" "+e.Test] == "skip" {
		return
	}
	o[pkg+" "+e.Test] = e.Action
	if e.Action != "skip" {
		return
	}
	for name := e.Test; strings.Contains(name, "/"); {
		name = name[:strings.LastIndex(name, "/")]
		o[pkg+" "+name] = "skip"
	}
}

// of is pass, fail, skip or "not run".
func (o outcomes) of(p place) string {
	if outcome := o[p.pkg+" "+p.test]; outcome != "" {
		return outcome
	}
	return "not run"
}
