package daemon

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"regent/netif"
	"regent/netif/netiftest"
)

// A slowHost takes its time to tell of its links, and to make devices.
type slowHost struct {
	*netiftest.Host
	links, devices time.Duration
}

func (h slowHost) Watch(ctx context.Context, report func([]netif.Link)) error {
	time.Sleep(h.links) // virtual
	return h.Host.Watch(ctx, report)
}

func (h slowHost) MakeDevices(devices []netif.Device) ([]netif.Made, []error) {
	made, errs := h.Host.MakeDevices(devices)
	time.Sleep(h.devices) // virtual
	return made, errs
}

// B-29: a daemon that is stopped at any moment of its beginning has removed what
// a killed predecessor left, and leaves no device of its own.
func TestStoppedAtOnce(t *testing.T) {
	for name, after := range map[string]time.Duration{
		"before it begins":              0,
		"before it knows the links":     time.Millisecond,
		"before it knows its devices":   3 * time.Millisecond,
		"before the last of them":       5 * time.Millisecond,
		"when everything has its place": time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.node(1).second()
				n.add("eth0", netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.100/24")})
				n.add("eth0", netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.77/24"), Ours: true})
				cfg := parse(t, conf(150, "use_vmac wan", "virtual_ipaddress_excluded {\n198.51.100.100/24 dev eth1 use_vmac\n}"))
				ctx, cancel := context.WithTimeout(w.Context(), after)
				defer cancel()
				d := New(cfg, n.Wire(), slowHost{n.Host, 2 * time.Millisecond, 2 * time.Millisecond}, n.watch, n, slog.New(slog.DiscardHandler))
				if err := d.Run(ctx); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if n.Has(vip) || n.Has(netip.MustParseAddr("192.0.2.77")) {
					t.Error("a predecessor's address is left")
				}
				for _, device := range []string{"wan", "vrrp.51"} {
					if _, there := n.link(device); there {
						t.Errorf("%s is left", device)
					}
				}
			})
		})
	}
}
