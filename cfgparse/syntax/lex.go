package syntax

import "strings"

// A Word is one argument of a statement, or its keyword.
type Word struct {
	Text string
	Pos  Pos
}

// A lexeme is a brace, or the words of a line between braces.
type lexeme struct {
	kind  kind
	words []Word
	raw   text // of words: the text itself, for keywords with quoting of their own
}

type kind uint8

const (
	lineOf kind = iota // words
	opening
	closing
)

func (l *lexeme) pos() Pos { return l.raw.pos(0) }

// lexer splits lines into words and braces.
type lexer struct {
	report *Report
	out    []lexeme
	words  []Word // one large piece of memory, handed out in slices
}

// line splits one line. Every brace outside double quotes stands for itself;
// what follows it is handled as if it stood on the next line.
func (l *lexer) line(t text) {
	first, start := len(l.words), 0
	flush := func(end int) {
		if len(l.words) > first {
			l.out = append(l.out, lexeme{lineOf, l.words[first:len(l.words):len(l.words)], t.upTo(end).after(start).trim()})
			first = len(l.words)
		}
	}
	s := t.s
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case isBlank(c):
			i++
		case c == '{' || c == '}':
			flush(i)
			k := opening
			if c == '}' {
				k = closing
			}
			l.out = append(l.out, lexeme{kind: k, raw: t.upTo(i + 1).after(i)})
			i++
			start = i
		case c == '"':
			end := strings.IndexByte(s[i+1:], '"')
			if end < 0 {
				l.report.Add(Diagnostic{Pos: t.pos(i), Severity: Warning, Class: Quotes, Message: "unmatched quote",
					Expected: `a closing " on the same line`, Effect: "the rest of the line is lost"})
				flush(i)
				return
			}
			l.word(t, i, s[i+1:i+1+end])
			i += end + 2
		default:
			end := i
			for end < len(s) && !isBlank(s[end]) && s[end] != '{' && s[end] != '}' && s[end] != '"' {
				end++
			}
			l.word(t, i, unescape(s[i:end]))
			i = end
		}
	}
	flush(len(s))
}

func (l *lexer) word(t text, i int, s string) {
	l.words = append(l.words, Word{s, t.pos(i)})
}

// unescape drops the backslash that keeps a # or ! from starting a comment.
// Everywhere else a backslash is an ordinary character.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	return strings.NewReplacer(`\#`, "#", `\!`, "!").Replace(s)
}
