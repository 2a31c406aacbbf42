package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"regent/cfgparse"
)

// README tells what is supported from the table that the parser works with.
func TestTheReadmeKnowsEveryKeyword(t *testing.T) {
	const path, begin, end = "../../README.md", "<!-- keywords -->\n", "<!-- /keywords -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	old, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("README has no part between %q and %q", begin, end)
	}
	var want bytes.Buffer
	if err := cfgparse.Reference(&want); err != nil {
		t.Fatal(err)
	}
	if old == want.String() {
		return
	}
	if !*update {
		t.Fatal("README's list of keywords is not that of the parser (go test ./cmd/regentctl -update)")
	}
	if err := os.WriteFile(path, []byte(head+begin+want.String()+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
