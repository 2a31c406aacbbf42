package syntax

import (
	"io/fs"
	"strings"
	"time"
)

// A single is one file in memory, and no others.
type single struct{ name, content string }

func (s single) Open(name string) (fs.File, error) {
	if name != s.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memoryFile{Reader: *strings.NewReader(s.content), single: s}, nil
}

func (single) Glob(string) ([]string, error) { return nil, nil }

type memoryFile struct {
	strings.Reader
	single
}

func (f *memoryFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *memoryFile) Close() error               { return nil }
func (f *memoryFile) Name() string               { return f.name }
func (f *memoryFile) Size() int64                { return int64(len(f.content)) }
func (f *memoryFile) Mode() fs.FileMode          { return 0o444 }
func (f *memoryFile) ModTime() time.Time         { return time.Time{} }
func (f *memoryFile) IsDir() bool                { return false }
func (f *memoryFile) Sys() any                   { return nil }
