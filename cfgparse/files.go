package cfgparse

import (
	"strconv"

	"regent/cfgparse/syntax"
	"regent/health"
)

// A fileDraft is a track_file that is being read.
type fileDraft struct {
	Origin
	health.FileCheck
	tracked bool
}

func fileVocabulary() *Vocabulary {
	return vocabulary("track_file",
		key("file", A, custom("PATH", func(l *loader, d *fileDraft, s *syntax.Statement) {
			switch {
			case !l.need(s, 1, "PATH"):
			case d.Path != "":
				l.complain(s.Pos(), syntax.General, "one file", "the first one stands", "track_file %s names a second file", quote(d.Name))
			default:
				d.Path = s.Arg(1)
			}
		}, func(d *fileDraft) string { return d.Path }), "required", "the file that holds the number"),
		key("weight", A, custom("-254-254 [reverse]", func(l *loader, d *fileDraft, s *syntax.Statement) {
			d.Weight, d.Reverse = l.weight(s, 254, d.Weight)
		}, func(d *fileDraft) string { return strconv.Itoa(d.Weight) }), "1", "multiplies the number; 0: any but zero means FAULT"),
		key("init_file", A, custom("[NUMBER] [overwrite]", setInitFile, func(d *fileDraft) string {
			if d.Init == nil {
				return ""
			}
			return strconv.Itoa(*d.Init)
		}), "", "write the file at the start if it is missing"),
	)
}

func setInitFile(l *loader, d *fileDraft, s *syntax.Statement) {
	value := 0
	for _, w := range s.Args() {
		n, ok := parseNumber(w.Text, -1<<31, unbounded)
		switch {
		case ok:
			value = int(n)
		case w.Text == "overwrite":
			d.Overwrite = true
		default:
			l.complain(w.Pos, syntax.General, "[NUMBER] [overwrite]", "it is ignored", "unknown word %s of init_file", quote(w.Text))
		}
	}
	d.Init = &value
}

func openFile(l *loader, _ *Config, s *syntax.Statement) *fileDraft {
	if !l.need(s, 1, "NAME") {
		return nil
	}
	d := &fileDraft{}
	d.At, d.Name, d.Weight = s.Pos(), s.Arg(1), 1
	return d
}

func closeFile(l *loader, c *Config, d *fileDraft, _ *syntax.Statement) {
	if d.Path == "" {
		l.complain(d.At, syntax.General, "file PATH", "the block is removed", "track_file %s has no file", quote(d.Name))
		return
	}
	l.files.add(d.Name, d)
}
