package health

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// An identity is as whom a script runs.
type identity struct {
	name   string // for messages
	uid    uint32
	gid    uint32
	groups []uint32 // supplementary ones
	own    bool     // the daemon's, as it is: nothing to switch
}

// identity looks up User and Group. Supplementary groups are dropped unless
// the check asks for them, as keepalived does: a script that was given a user
// should not have more rights than that name suggests.
func (c *Check) identity() (identity, error) {
	id := identity{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid()), own: c.User == "" && c.Group == ""}
	id.name = strconv.Itoa(int(id.uid))
	if u, err := user.LookupId(id.name); err == nil {
		id.name = u.Username
	}
	if id.own {
		groups, err := os.Getgroups()
		for _, g := range groups {
			id.groups = append(id.groups, uint32(g))
		}
		return id, err
	}
	if c.User != "" {
		if err := id.become(c.User, c.Groups); err != nil {
			return identity{}, err
		}
	}
	if c.Group != "" {
		g, err := user.LookupGroup(c.Group)
		if err != nil {
			return identity{}, err
		}
		if id.gid, err = number(g.Gid); err != nil {
			return identity{}, fmt.Errorf("number of group %s: %w", c.Group, err)
		}
	}
	// Who may not switch can still run as oneself: without privilege, and as
	// the root of a user namespace that forbids setgroups (unshare -Ur).
	maySwitch := os.Geteuid() == 0 && !groupsAreFixed()
	id.own = !maySwitch && int(id.uid) == os.Geteuid() && int(id.gid) == os.Getegid()
	return id, nil
}

// Account returns the numbers of a user and a group. Without a user they are the
// daemon's, without a group it is the user's primary one.
func Account(user, group string) (uid, gid uint32, err error) {
	c := Check{User: user, Group: group}
	id, err := c.identity()
	return id.uid, id.gid, err
}

// become makes id that of a user with its primary group.
func (id *identity) become(name string, supplementary bool) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	numbers := []string{u.Uid, u.Gid}
	if supplementary {
		more, err := u.GroupIds()
		if err != nil {
			return fmt.Errorf("groups of user %s: %w", name, err)
		}
		numbers = append(numbers, more...)
	}
	ids := make([]uint32, len(numbers))
	for i, s := range numbers {
		if ids[i], err = number(s); err != nil {
			return fmt.Errorf("numbers of user %s: %w", name, err)
		}
	}
	id.name, id.uid, id.gid, id.groups = name, ids[0], ids[1], ids[2:]
	return nil
}

func number(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err
}

func (id identity) credential() *syscall.Credential {
	if id.own {
		return nil
	}
	return &syscall.Credential{Uid: id.uid, Gid: id.gid, Groups: id.groups, NoSetGroups: groupsAreFixed()}
}

// groupsAreFixed reports whether the daemon runs in a user namespace of somebody
// without privilege, which forbids setgroups (user_namespaces(7)).
func groupsAreFixed() bool {
	text, err := os.ReadFile("/proc/self/setgroups")
	return err == nil && strings.TrimSpace(string(text)) == "deny"
}

func (id identity) root() bool { return id.uid == 0 || id.gid == 0 }

// mayExecute reports whether the permission bits let id execute a file, or
// search a directory. They do not tell of access control lists.
func (id identity) mayExecute(st *syscall.Stat_t) bool {
	switch {
	case id.uid == 0:
		return st.Mode&syscall.S_IFMT == syscall.S_IFDIR || st.Mode&0o111 != 0
	case id.uid == st.Uid:
		return st.Mode&0o100 != 0
	case id.gid == st.Gid || slices.Contains(id.groups, st.Gid):
		return st.Mode&0o010 != 0
	}
	return st.Mode&0o001 != 0
}
