package syntax

import (
	"errors"
	"slices"
	"strings"
)

// Format lays a configuration out in the one canonical way: a statement a
// line, four blanks for each block, no more than one blank line in a row.
// Comments stay. What the preprocessor reads (conditions, definitions,
// sequences, includes) keeps its text. top reports whether a word opens a
// block of the top level, where the indentation begins anew.
//
// The result means the same, or Format fails: it reads both texts and compares
// their words.
func Format(text string, top func(word string) bool) (string, error) {
	f := formatter{top: top}
	for _, line := range strings.Split(text, "\n") {
		f.line(strings.TrimRight(line, blanks))
	}
	for len(f.out) > 0 && f.out[len(f.out)-1].text == "" {
		f.out = f.out[:len(f.out)-1]
	}
	var b strings.Builder
	for _, l := range f.out {
		b.WriteString(l.text + "\n")
	}
	if !same(text, b.String()) {
		return "", errors.New("formatting would change what the configuration means")
	}
	return b.String(), nil
}

// A formatter collects the lines of the result.
type formatter struct {
	top   func(string) bool
	out   []formatted
	depth int
	body  bool // inside a definition of several lines
}

// A formatted line may yet get an opening brace from the line behind it.
type formatted struct {
	text    string
	code    string // before the comment
	comment string
	depth   int
	plain   bool // a statement that may get one
}

// line formats one physical line.
func (f *formatter) line(raw string) {
	trimmed := strings.Trim(raw, blanks)
	if strings.IndexByte(trimmed, 0) >= 0 {
		f.add(trimmed, "", false)
		return
	}
	code := text{s: trimmed}.uncomment().s
	comment := strings.Trim(trimmed[len(code):], blanks)
	continued := strings.HasSuffix(trimmed, `\`)
	switch {
	case f.body:
		f.inBody(trimmed, code, continued)
	case trimmed == "":
		if len(f.out) > 0 && f.out[len(f.out)-1].text != "" {
			f.out = append(f.out, formatted{})
		}
	case code == "":
		f.add("", comment, false)
	case code[0] == '$' && definesAt(code):
		f.add(code, comment, false)
		f.body = strings.HasSuffix(code, `\`)
	case code[0] == '@' || code[0] == '~' || isInclude(code):
		f.keep(code, comment)
	default:
		f.statement(code, comment)
	}
}

func definesAt(code string) bool {
	n := identifier(code[1:])
	return n > 0 && len(code) > n+1 && code[n+1] == '='
}

func isInclude(code string) bool {
	word, _, _ := strings.Cut(strings.ReplaceAll(code, "\t", " "), " ")
	_, ok := includeWords[word]
	return ok
}

// inBody formats a line of a definition: its words stay as they are.
func (f *formatter) inBody(trimmed, code string, continued bool) {
	f.body = continued
	if code == "" || !continued {
		f.keep(trimmed, "")
		return
	}
	if !strings.HasSuffix(code, `\`) { // a comment hides the backslash
		f.keep(trimmed, "")
		return
	}
	bare := strings.TrimRight(strings.TrimSuffix(code, `\`), blanks)
	f.keep(strings.TrimLeft(bare+` \`, " "), "")
}

// keep adds a line with its words as they are.
func (f *formatter) keep(code, comment string) {
	opens, closes := braces(code)
	if closes > opens {
		f.depth = max(0, f.depth-(closes-opens))
	}
	f.add(code, comment, false)
	if opens > closes {
		f.depth += opens - closes
	}
}

// statement splits a line at its braces. A line with a definition in it keeps
// its words: it may become a comment, or too long to be replaced. Nor is moved
// to the beginning of a line what would mean more there.
func (f *formatter) statement(code, comment string) {
	opens, closes := braces(code)
	pieces, ok := pieces(code)
	if !ok || strings.Contains(code, "$") || opens+closes > 0 && strings.ContainsAny(code, "@~") {
		f.keep(code, comment)
		return
	}
	for i, p := range pieces {
		c := ""
		if i == len(pieces)-1 {
			c = comment
		}
		switch p {
		case "{":
			f.open(c)
		case "}":
			f.depth = max(0, f.depth-1)
			f.add("}", c, false)
		default:
			if word, _, _ := strings.Cut(p, " "); f.top(word) {
				f.depth = 0
			}
			f.add(p, c, true)
		}
	}
}

// open puts an opening brace behind its statement, if that is the line before.
func (f *formatter) open(comment string) {
	if n := len(f.out) - 1; n >= 0 && f.out[n].plain && (comment == "" || f.out[n].comment == "") {
		last := f.out[n]
		f.out = f.out[:n]
		f.depth = last.depth
		f.add(last.code+" {", last.comment+comment, false)
	} else {
		f.add("{", comment, false)
	}
	f.depth++
}

func (f *formatter) add(code, comment string, plain bool) {
	s := code
	if comment != "" && code != "" {
		s += "  "
	}
	indent := strings.Repeat("    ", min(f.depth, 8))
	if code == `\` {
		indent = ""
	}
	f.out = append(f.out, formatted{text: indent + s + comment, code: code, comment: comment, depth: f.depth, plain: plain})
}

// mayInclude reports whether a piece of the line would be an include if it
// stood on a line of its own with a blank behind it.
func mayInclude(code string) bool { return strings.Contains(code, "include") }

// pieces splits a statement at the braces that stand outside quotes and
// references, and puts single blanks between words. It fails at quotes that
// it had better not touch.
func pieces(code string) (out []string, ok bool) {
	if strings.ContainsAny(code, `'\`) || strings.Count(code, `"`)%2 != 0 || mayInclude(code) {
		return nil, false
	}
	var b strings.Builder
	gap := false
	flush := func() {
		if b.Len() > 0 {
			out = append(out, b.String())
			b.Reset()
		}
		gap = false
	}
	for i := 0; i < len(code); i++ {
		c := code[i]
		switch {
		case isBlank(c):
			gap = b.Len() > 0
			continue
		case c == '{' || c == '}':
			flush()
			out = append(out, string(c))
			continue
		}
		if gap {
			b.WriteByte(' ')
			gap = false
		}
		end := i + 1
		switch {
		case c == '"':
			end = i + 2 + strings.IndexByte(code[i+1:], '"')
		case strings.HasPrefix(code[i:], "${"):
			if n := strings.IndexByte(code[i:], '}'); n > 0 {
				end = i + n + 1
			}
		}
		b.WriteString(code[i:end])
		i = end - 1
	}
	flush()
	return out, true
}

// braces counts those of a line that stand outside quotes and references.
func braces(code string) (opens, closes int) {
	quoted := false
	for i := 0; i < len(code); i++ {
		switch c := code[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case strings.HasPrefix(code[i:], "${"):
			if n := strings.IndexByte(code[i:], '}'); n > 0 {
				i += n
			}
		case c == '{':
			opens++
		case c == '}':
			closes++
		}
	}
	return opens, closes
}

// same reports whether two texts have the same words for every config-id that
// they mention.
func same(a, b string) bool {
	for _, id := range append(idsOf(a), "") {
		if !slices.Equal(wordsOf(a, id), wordsOf(b, id)) {
			return false
		}
	}
	return true
}

// maxIDs bounds how many config-ids are tried.
const maxIDs = 8

func idsOf(text string) []string {
	var ids []string
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimLeft(line, blanks)
		if !strings.HasPrefix(line, "@") {
			continue
		}
		id := strings.TrimPrefix(line[1:], "^")
		if end := strings.IndexAny(id, " \t"); end > 0 && !slices.Contains(ids, id[:end]) && len(ids) < maxIDs {
			ids = append(ids, id[:end])
		}
	}
	return ids
}

// wordsOf is what is left of a text after expansion: words, braces, and the
// includes as they are.
func wordsOf(content, id string) []string {
	report := &Report{}
	lines := expand("f", Options{Files: single{"f", content}, ID: id, Dir: "/", Random: func(low, _ int) int { return low }}, report)
	var out []string
	for _, l := range split(lines, report) {
		switch l.kind {
		case opening:
			out = append(out, "{")
		case closing:
			out = append(out, "}")
		default:
			for _, w := range l.words {
				out = append(out, w.Text)
			}
			if strings.ContainsAny(l.raw.s, `'\`) {
				out = append(out, l.raw.s) // quoting that a script keyword will read
			}
		}
		out = append(out, "\n")
	}
	for _, d := range report.Diagnostics() {
		if d.Class == FileNotFound || d.Class == Unreadable {
			out = append(out, d.Message)
		}
	}
	return out
}
