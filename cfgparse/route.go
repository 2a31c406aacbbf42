package cfgparse

import (
	"regent/cfgparse/syntax"
	"regent/netif"
)

const routeArgs = "[TYPE] [to] PREFIX [via ADDR] [dev IF] [OPTION...]"
const ruleArgs = "[from PREFIX] [to PREFIX] [OPTION...]"

func (l *loader) route(s *syntax.Statement, static bool) (netif.Route, bool) {
	return netif.Route{}, false
}
func (l *loader) rule(s *syntax.Statement, static bool) (netif.Rule, bool) {
	return netif.Rule{}, false
}
