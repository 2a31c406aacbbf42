package netif

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// A ledger is a file that says how the kernel's settings stood before the host
// changed them. It is there while any of them is changed; so one that a host
// finds was left by a predecessor that was killed.
type ledger struct {
	path      string // empty: none is kept
	namespace uint64 // which its entries are about
}

// A page is the text of a ledger.
type page struct {
	Namespace uint64  `json:"namespace"` // inode of the network namespace
	Settings  []entry `json:"settings"`
}

type entry struct {
	Link    int    `json:"link"` // index; 0: all
	Name    string `json:"name"`
	Setting string `json:"setting"` // as sysctl names it
	Was     int    `json:"was"`
	Now     int    `json:"now"`
}

// turnable are the knobs that a ledger may tell of.
var turnable = []*knob{arpAnnounce, arpIgnore, promoteSecondaries, sendRedirects, groupReports}

// KeepLedger makes the host note in a file which settings it changes, for the
// case that it is killed; nobody else may use the file meanwhile. First it
// restores what a predecessor has noted there and changed, where nobody has had
// a say since. Without a file, or a directory to put it into, all works the same.
func (h *Host) KeepLedger(path string) error {
	ns, err := h.home.inode()
	if err != nil {
		return err
	}
	h.knobs.mu.Lock()
	defer h.knobs.mu.Unlock()
	h.knobs.ledger = ledger{path: path, namespace: ns}
	left, err := readLedger(path)
	if err != nil {
		return fmt.Errorf("read what a predecessor has changed: %w", err)
	}
	if left.Namespace != ns {
		return nil // of another time, or another place
	}
	var errs []error
	for _, e := range left.Settings {
		errs = append(errs, h.restore(e))
	}
	return errors.Join(append(errs, h.knobs.save())...)
}

// restore puts a knob back as it was before a predecessor turned it.
func (h *Host) restore(e entry) error {
	i := slices.IndexFunc(turnable, func(k *knob) bool { return k.of(e.Name) == e.Setting })
	if i < 0 {
		return nil
	}
	h.log.Warn("a predecessor left a setting changed; restoring it unless others have changed it since", "setting", e.Setting, "value", e.Was)
	k := turnable[i]
	if e.Link == allLinks {
		return h.putAll(k, e.Now, e.Was)
	}
	if h.nameOf(e.Link) != e.Name {
		return nil // it took its knobs with it
	}
	now, err := h.readKnobs(e.Link, e.Name, []setting{{k, e.Now}})
	if err != nil || now[0] != e.Now {
		return err
	}
	return h.put(e.Link, setting{k, e.Was})
}

// readLedger reads a file. None says nothing, and so does one that might be
// somebody else's.
func readLedger(path string) (p page, err error) {
	f, err := openOwn(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return page{}, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// openOwn opens a file for reading that nobody else can have written.
func openOwn(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(int(f.Fd()), &st); err != nil {
		err = fmt.Errorf("look at %s: %w", path, err)
	} else if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o022 != 0 || int(st.Uid) != os.Geteuid() {
		err = fmt.Errorf("%s is not a file that we alone can write", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// note saves the ledger. That it cannot be is told of once; then none is kept.
func (h *Host) note() {
	if err := h.knobs.save(); err != nil {
		h.log.Warn("settings that are changed now would stay so after a crash", "error", err)
		_ = os.Remove(h.knobs.ledger.path) // it tells of the past
		h.knobs.ledger.path = ""
	}
}

// save brings the ledger up to date: it is replaced as a whole, or removed when
// it has nothing to say. It wants the lock held.
func (k *knobs) save() error {
	if k.ledger.path == "" {
		return nil
	}
	p := page{Namespace: k.ledger.namespace}
	for place, kept := range k.kept {
		if kept.was != kept.now {
			p.Settings = append(p.Settings, entry{place.link, kept.name, place.knob.of(kept.name), kept.was, kept.now})
		}
	}
	if len(p.Settings) == 0 {
		if err := os.Remove(k.ledger.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	slices.SortFunc(p.Settings, func(a, b entry) int {
		return cmp.Or(a.Link-b.Link, cmp.Compare(a.Setting, b.Setting))
	})
	text, err := json.MarshalIndent(p, "", "\t")
	if err != nil {
		return err
	}
	return replaceFile(k.ledger.path, append(text, '\n'))
}

// replaceFile gives a file a content, all of it at once.
func replaceFile(path string, content []byte) error {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return nil
}
