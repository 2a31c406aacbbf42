package syntax

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Files is where configuration text is read from.
type Files interface {
	Open(name string) (fs.File, error)
	// Glob lists the files that match a pattern of path.Match, sorted.
	Glob(pattern string) ([]string, error)
}

// Disk reads the files of this machine.
type Disk struct{}

// Open opens a file for reading.
func (Disk) Open(name string) (fs.File, error) { return os.Open(name) }

// Glob is filepath.Glob.
func (Disk) Glob(pattern string) ([]string, error) { return filepath.Glob(pattern) }

// In reads the files of fsys; a leading slash stands for its root. It serves
// tests and tools that have the text in memory.
func In(fsys fs.FS) Files { return inFS{fsys} }

type inFS struct{ fs.FS }

func (f inFS) name(s string) string {
	s = strings.TrimPrefix(filepath.ToSlash(filepath.Clean(s)), "/")
	if s == "" {
		return "."
	}
	return s
}

func (f inFS) Open(name string) (fs.File, error) { return f.FS.Open(f.name(name)) }

func (f inFS) Glob(pattern string) ([]string, error) {
	names, err := fs.Glob(f.FS, f.name(pattern))
	if strings.HasPrefix(pattern, "/") {
		for i := range names {
			names[i] = "/" + names[i]
		}
	}
	return names, err
}

// Limits of what a configuration may grow to. They lie far above any that
// people write and keep a hostile one from taking the machine.
const (
	maxFile    = 8 << 20  // bytes of one file
	maxLines   = 100_000  // lines after expansion
	maxWords   = 1 << 20  // words in all lines
	maxWork    = 32 << 20 // bytes that expansion looks at
	maxDepth   = 32       // includes and definitions within each other
	maxLine    = 1023     // bytes that keepalived reads of a line
	maxRead    = 8 << 10  // bytes that regent reads of a line
	maxReplace = 200      // definitions replaced in one line
)

var (
	errDirectory  = errors.New("is a directory")
	errExecutable = errors.New("has an execute bit, which keepalived takes for a program")
	errTooLarge   = errors.New("is larger than 8 MiB")
	errNotRegular = errors.New("is not a regular file")
)

// readText reads a whole configuration file. Like keepalived it refuses
// directories and files with an execute bit.
func readText(files Files, name string) (string, error) {
	f, err := files.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return "", errDirectory
	case mode&(fs.ModeDevice|fs.ModeSocket) != 0:
		return "", errNotRegular
	case mode.IsRegular() && mode.Perm()&0o111 != 0:
		return "", errExecutable
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxFile {
		return "", errTooLarge
	}
	return string(b), nil
}

// alternatives expands the alternatives of a csh pattern: a{b,c} gives ab and ac.
func alternatives(pattern string) []string {
	open := strings.IndexByte(pattern, '{')
	if open < 0 {
		return []string{pattern}
	}
	depth, start := 0, open+1
	var middles []string
	for i := open; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '{':
			depth++
		case c == ',' && depth == 1:
			middles = append(middles, pattern[start:i])
			start = i + 1
		case c == '}':
			depth--
			if depth > 0 {
				continue
			}
			middles = append(middles, pattern[start:i])
			var out []string
			for _, tail := range alternatives(pattern[i+1:]) {
				for _, m := range middles {
					for _, middle := range alternatives(m) {
						if len(out) == maxReplace {
							return out
						}
						out = append(out, pattern[:open]+middle+tail)
					}
				}
			}
			sort.Strings(out)
			return out
		}
	}
	return []string{pattern} // unmatched: an ordinary character
}
