package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A ruleID is a letter and a number, like S-21.
type ruleID string

var (
	idForm   = regexp.MustCompile(`\b[GWPSTEVRUBHLMOQ]-[0-9]+\b`)
	idRange  = regexp.MustCompile(`\b([GWPSTEVRUBHLMOQ])-([0-9]+)(?:\.\.|\s+to\s+|\s+–\s+)([GWPSTEVRUBHLMOQ])-([0-9]+)\b`)
	ruleForm = regexp.MustCompile(`^([A-Z]-[0-9]+) \[(.*?)\] (.+)$`)
)

// A rule is one line of testdata/rules.txt.
type rule struct {
	id       ruleID
	source   string // "9568 §6.4.2", or nothing
	text     string
	untested string // why there is no test; nothing: there must be one
}

// sentence is the rule with its source.
func (r rule) sentence() string {
	if r.source == "" {
		return r.text
	}
	return r.text + " [" + r.source + "]"
}

// readRules reads testdata/rules.txt of a repository.
func readRules(root string) ([]rule, error) {
	f, err := os.Open(filepath.Join(root, "testdata", "rules.txt"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var rules []rule
	known := make(map[ruleID]bool)
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		reason, isReason := strings.CutPrefix(strings.TrimSpace(line), "untested: ")
		form := ruleForm.FindStringSubmatch(line)
		switch {
		case line == "" || line[0] == '#':
		case isReason && len(rules) > 0:
			rules[len(rules)-1].untested = reason
		case form == nil || known[ruleID(form[1])]:
			return nil, fmt.Errorf("read %s:%d: not a new rule, nor a reason: %s", f.Name(), n, line)
		default:
			rules = append(rules, rule{id: ruleID(form[1]), source: form[2], text: form[3]})
			known[ruleID(form[1])] = true
		}
	}
	return rules, lines.Err()
}

// idsIn finds the rules that a text names, those of ranges included.
func idsIn(text string) []ruleID {
	var ids []ruleID
	for _, m := range idRange.FindAllStringSubmatch(text, -1) {
		from, _ := strconv.Atoi(m[2])
		to, _ := strconv.Atoi(m[4])
		for n := from + 1; m[1] == m[3] && n < to; n++ { // the ends are found below
			ids = append(ids, ruleID(fmt.Sprintf("%s-%d", m[1], n)))
		}
	}
	for _, id := range idForm.FindAllString(text, -1) {
		ids = append(ids, ruleID(id))
	}
	return ids
}
