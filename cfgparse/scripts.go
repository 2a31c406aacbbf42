package cfgparse

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"regent/cfgparse/syntax"
	"regent/health"
)

// script is a keyword that names a command and who runs it. The first one
// stands; later ones are refused.
func script[T any](field func(*T) **Command) value[T] {
	return value[T]{args: `"COMMAND" [USER [GROUP]]`,
		set: func(l *loader, t *T, s *syntax.Statement) {
			c := l.command(s)
			if c == nil {
				return
			}
			if *field(t) != nil {
				l.complain(s.Pos(), syntax.General, "", "the first one stands", "%s is given twice", s.Keyword())
				return
			}
			*field(t) = c
		},
		show: func(t *T) string {
			c := *field(t)
			if c == nil {
				return ""
			}
			return strings.TrimSpace(quote(c.Line) + " " + c.User + " " + c.Group)
		},
	}
}

// optionalScript is a script whose absence keepalived forgives.
func optionalScript(field func(*Global) **Command) value[Global] {
	v := script(field)
	set := v.set
	v.set = func(l *loader, g *Global, s *syntax.Statement) {
		if len(s.Words) == 1 {
			l.complain(s.Pos(), syntax.General, s.Keyword()+" \"COMMAND\"", "the line is ignored", "%s lacks its command", s.Keyword())
			return
		}
		set(l, g, s)
	}
	return v
}

// command reads KEYWORD "COMMAND" [USER [GROUP]]; nil: there is none.
func (l *loader) command(s *syntax.Statement) *Command {
	words, err := s.ShellWords()
	if err != nil {
		l.complain(s.Pos(), syntax.Quotes, "a closing quote", "the line is ignored", "unmatched quote after %s", s.Keyword())
		return nil
	}
	if len(words) < 2 {
		l.refuse(s.Pos(), syntax.MissingParameter, s.Keyword()+` "COMMAND" [USER [GROUP]]`, "%s lacks its argument", quote(s.Keyword()))
		return nil
	}
	c := l.split(words[1])
	if c == nil {
		return nil
	}
	if len(words) > 2 {
		c.User = words[2].Text
		if len(words) > 3 {
			c.Group = strings.TrimPrefix(words[3].Text, ":")
		}
		if !l.judgeAccount(words[2], c.User, c.Group, "the script is not run") {
			return nil
		}
	}
	return c
}

// split makes a command of a line; nil: it cannot be one.
func (l *loader) split(line syntax.Word) *Command {
	c := &Command{At: line.Pos, Line: line.Text}
	var err error
	if c.Args, err = syntax.Command(c.Line); err != nil || len(c.Args) == 0 {
		l.complain(c.At, syntax.Quotes, "a command", "the line is ignored", "cannot split %s into words", quote(c.Line))
		return nil
	}
	for _, w := range c.Args[1:] {
		if shellWord(w) {
			l.complain(c.At, syntax.Advice, `"sh -c 'one | two'"`, "it is an argument of the command", "%s means nothing without a shell", quote(w))
			break
		}
	}
	if old, err := syntax.CommandOnceMore(c.Line); err == nil && !slices.Equal(old, c.Args) {
		l.complain(c.At, syntax.Advice, `quotes of the other kind inside: "sh -c 'one | two'"`,
			"as in keepalived from 2.3.2 on, its arguments are "+quoteAll(c.Args),
			"keepalived before 2.3.2 replaces the backslashes of this command twice, to %s", quoteAll(old))
	}
	return c
}

// shellWord reports whether a word is one that only a shell acts on.
func shellWord(w string) bool {
	switch w {
	case "|", "||", "&&", ";", "&", "<", ">", ">>", "2>&1":
		return true
	}
	return strings.HasPrefix(w, ">/") || strings.HasPrefix(w, "2>/")
}

func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return strings.Join(quoted, " ")
}

// account reads USER [[:]GROUP] from argument i on.
func (l *loader) account(s *syntax.Statement, i int) (user, group string) {
	user, group = s.Arg(i), strings.TrimPrefix(s.Arg(i+1), ":")
	if l.judgeAccount(s.Words[i], user, group, "scripts of this user are not run") {
		return user, group
	}
	return "", ""
}

// judgeAccount warns of a user or group that this machine does not know.
func (l *loader) judgeAccount(at syntax.Word, user, group, effect string) bool {
	if l.env.Account == nil {
		return true
	}
	if err := l.env.Account(user, group); err != nil {
		expected := ""
		if strings.HasPrefix(user, "-") || strings.ContainsAny(user, "/.$") {
			expected = "arguments of a script inside its quotes: \"COMMAND ARGUMENT...\""
		}
		l.complain(at.Pos, syntax.General, expected, effect, "%v", err)
		return false
	}
	return true
}

// judgeScript holds a command against the machine. It reports whether the
// script can be run; if not, effect says what becomes of that.
func (l *loader) judgeScript(at syntax.Pos, name string, c health.Check, effect string) bool {
	if l.env.Script == nil {
		return true
	}
	absent := func(class syntax.Class, expected string, why any) bool {
		l.Add(syntax.Diagnostic{Pos: at, Severity: syntax.Warning, Class: class, Message: fmt.Sprintf("%s: %v", name, why),
			Expected: expected, Effect: effect, Absent: true})
		return false
	}
	const safe = "owner root, and nobody else who may write"
	if c.User == "" && l.noScriptUser {
		return absent(syntax.General, "script_user USER in global_defs", "there is no user to run it")
	}
	err := l.env.Script(c)
	var insecure *health.Insecure
	switch {
	case err == nil:
		return true
	case !errors.As(err, &insecure):
		return absent(syntax.General, "a file that its user may execute", err)
	case c.Secure:
		return absent(syntax.Security, safe, err)
	}
	l.complain(at, syntax.Security, safe, "it is run all the same; enable_script_security would refuse it", "%s: %v", name, err)
	return true
}

// Check is a command as health knows commands, for one run: with its user, or
// that of all scripts.
func (c *Command) Check(g *Global) health.Check {
	h := health.Check{Kind: health.Script, Command: c.Args, User: c.User, Group: c.Group, Secure: g.ScriptSecurity, Groups: g.SupplementaryGroups}
	if h.User == "" {
		h.User, h.Group = g.ScriptUser, g.ScriptGroup
	}
	return h
}

// fifo is PATH [USER [GROUP]] of a pipe. The first one stands.
func fifo(field func(*Global) *FIFO) value[Global] {
	return value[Global]{args: "PATH [USER [GROUP]]",
		set: func(l *loader, g *Global, s *syntax.Statement) {
			if !l.need(s, 1, "PATH") {
				return
			}
			f := field(g)
			if f.Path != "" {
				l.complain(s.Pos(), syntax.General, "", "the first one stands", "%s is given twice", s.Keyword())
				return
			}
			f.Path = s.Arg(1)
			if len(s.Words) > 2 {
				f.User, f.Group = l.account(s, 2)
			}
		},
		show: func(g *Global) string { return field(g).Path },
	}
}
