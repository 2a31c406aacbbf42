package probe

import (
	"context"
	"fmt"
	"strings"

	"github.com/coreos/go-systemd/v22/dbus"
)

// unit asks systemd whether a unit is active, over a connection that it keeps.
type unit struct {
	name string
	conn *dbus.Conn // nil: none
	end  func()     // ends it
}

func (u *unit) Look(ctx context.Context) error {
	state, err := u.state(ctx)
	switch {
	case err != nil:
		u.Close() // the next look begins anew
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("ask systemd for %s: %w", u.name, err)
	case state != "active" && state != "reloading":
		return fmt.Errorf("unit %s is %s", u.name, state)
	}
	return nil
}

// state is what "systemctl is-active" prints.
func (u *unit) state(ctx context.Context) (string, error) {
	if err := u.connect(ctx); err != nil {
		return "", cause(err)
	}
	p, err := u.conn.GetUnitPropertyContext(ctx, u.name, "ActiveState")
	if err != nil {
		return "", err
	}
	state, ok := p.Value.Value().(string)
	if !ok {
		return "", fmt.Errorf("its ActiveState is a %s", p.Value.Signature())
	}
	return state, nil
}

// connect makes the connection if there is none. It lives longer than ctx, which
// only bounds how long that may take.
func (u *unit) connect(ctx context.Context) (err error) {
	if u.conn != nil {
		return nil
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, end)()
	if u.conn, err = dbus.NewSystemConnectionContext(life); err != nil {
		end()
		return err
	}
	u.end = end
	return nil
}

func (u *unit) Close() {
	if u.conn != nil {
		u.conn.Close()
		u.end()
		u.conn = nil
	}
}

// UnitName completes and checks the name of a unit: without a suffix it is a
// service.
func UnitName(name string) (string, error) {
	if !strings.Contains(name, ".") {
		name += ".service"
	}
	if len(name) > 255 || strings.ContainsAny(name, "/ \t\n") {
		return "", fmt.Errorf("%q is no name of a unit", name)
	}
	return name, nil
}
