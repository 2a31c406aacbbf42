package cfgparse

import (
	"fmt"
	"io"
	"strings"
)

// Reference writes the keyword tables in Markdown: what each keyword takes,
// what holds without it, and whether regent acts on it.
func Reference(w io.Writer) error {
	r := reference{w: w}
	root := Language()
	r.printf("`A` typical, `B` less common, `C` rare, `D` load balancing (passed over with one warning), `R` regent's own, which keepalived does not know. Keywords marked *not yet* are read and checked; each draws one warning until regent acts on it.\n")
	r.table("At the top level", root)
	for _, k := range root.Keywords {
		if k.Block != nil {
			r.blocks(k)
		}
	}
	r.options("Options of an address", addressOptions)
	r.options("Options of a route", routeOptions)
	r.options("Options of a rule", ruleOptions)
	return r.err
}

// options lists the words of the small languages inside a line.
func (r *reference) options(title string, words []string) {
	r.printf("\n### %s\n\n`%s`\n", title, strings.Join(words, "` `"))
}

type reference struct {
	w   io.Writer
	err error
}

func (r *reference) printf(format string, args ...any) {
	if r.err == nil {
		_, r.err = fmt.Fprintf(r.w, format, args...)
	}
}

// blocks writes the table of a block and of those within it.
func (r *reference) blocks(k *Keyword) {
	r.table("`"+k.Name+"`", k.Block)
	for _, inner := range k.Block.Keywords {
		if inner.Block != nil {
			r.blocks(inner)
		}
	}
}

func (r *reference) table(title string, v *Vocabulary) {
	r.printf("\n### %s\n\n| Keyword | Arguments | Default | Meaning | Tier | |\n|---|---|---|---|---|---|\n", title)
	for _, k := range v.Keywords {
		name := "`" + k.Name + "`"
		if other := append(append([]string{}, k.Aliases...), k.Old...); len(other) > 0 {
			name += " (also `" + strings.Join(other, "`, `") + "`)"
		}
		state := ""
		if k.Pending {
			state = "*not yet*"
		}
		r.printf("| %s | %s | %s | %s | %s | %s |\n", name, code(k.Args), escape(k.Default), escape(k.Help), k.Tier, state)
	}
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + escape(s) + "`"
}

// escape keeps a vertical bar from ending a cell.
func escape(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
