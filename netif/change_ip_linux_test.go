package netif

import (
	"strings"
	"testing"
)

// The options of an address line as ip shows them: every word from the address
// to the lifetimes.
func TestAddressOptionsAsIPShowsThem(t *testing.T) {
	a := routerWithTwoLinks(t)
	h, eth := a.host(), a.index("eth1")
	always := "valid_lft forever preferred_lft forever"
	for _, c := range []struct {
		address Address
		want    string
	}{
		{Address{Prefix: prefix("198.51.100.1/24")}, "198.51.100.1/24 scope global eth1 " + always},
		{Address{Prefix: prefix("198.51.100.1/24"), Broadcast: address("198.51.100.255"), Label: "eth1:gate", Scope: 253},
			"198.51.100.1/24 brd 198.51.100.255 scope link eth1:gate " + always},
		{Address{Prefix: prefix("198.51.100.1/32"), Scope: 254}, "198.51.100.1/32 scope host eth1 " + always},
		{Address{Prefix: prefix("198.51.100.1/32"), Peer: prefix("198.51.100.7/32")},
			"198.51.100.1 peer 198.51.100.7/32 scope global eth1 " + always},
		// ip reads the lifetimes of IPv4 from the flag that says permanent.
		{Address{Prefix: prefix("198.51.100.1/24"), NoPrefixRoute: true, HasPreferred: true},
			"198.51.100.1/24 scope global deprecated noprefixroute eth1 " + always},
		{Address{Prefix: prefix("224.1.2.3/32"), AutoJoin: true}, "224.1.2.3/32 scope global autojoin eth1 " + always},
		{Address{Prefix: prefix("2001:db8:9::1/64")}, "2001:db8:9::1/64 scope global nodad " + always},
		{Address{Prefix: prefix("2001:db8:9::1/128")}, "2001:db8:9::1/128 scope global nodad deprecated valid_lft forever preferred_lft 0sec"},
		{Address{Prefix: prefix("2001:db8:9::1/128"), HasPreferred: true, Preferred: forever},
			"2001:db8:9::1/128 scope global nodad " + always},
		{Address{Prefix: prefix("2001:db8:9::1/64"), Home: true, ManageTemp: true, NoPrefixRoute: true},
			"2001:db8:9::1/64 scope global nodad home mngtmpaddr noprefixroute " + always},
		{Address{Prefix: prefix("2001:db8:9::1/64"), DetectDuplicates: true}, "2001:db8:9::1/64 scope global tentative " + always},
		{Address{Prefix: prefix("ff05::1/128"), AutoJoin: true, HasPreferred: true, Preferred: forever},
			"ff05::1/128 scope site nodad autojoin " + always},
		{Address{Prefix: prefix("2001:db8:9::1/128"), Peer: prefix("2001:db8:9::2/128")},
			"2001:db8:9::1 peer 2001:db8:9::2/128 scope global nodad deprecated valid_lft forever preferred_lft 0sec"},
		{Address{Prefix: prefix("fe80::20/64")}, "fe80::20/64 scope link nodad " + always},
	} {
		a.good(h.Change([]Change{{Link: eth, Address: c.address}}))
		all := a.ip("-d addr show dev eth1")
		word := c.address.Prefix.String() // which no other address begins with
		if c.address.Peer.IsValid() {
			word = c.address.Prefix.Addr().String() + " peer"
		}
		_, got, _ := strings.Cut(all, " "+word)
		got, _, _ = strings.Cut(word+got, " inet")
		if c.address.DetectDuplicates { // which has begun, or not yet
			c.want, got = strings.Replace(c.want, " tentative", "", 1), strings.Replace(got, " tentative", "", 1)
		}
		if got != c.want {
			t.Errorf("\n got %s\nwant %s", got, c.want)
		}
		a.good(h.Change([]Change{{Link: eth, Address: c.address, Remove: true}}))
		if left := a.ip("-d addr show dev eth1"); strings.Contains(left, " "+word) {
			t.Errorf("still there: %s", left)
		}
	}
}
