// Package daemon runs the routers that a configuration describes.
//
// One loop owns every router: it listens, hears the news, lets timers expire and
// speaks. Whatever may take long happens beside it: the steward works on the
// kernel, checks run in goroutines of their own, the log writes itself. They
// bring news to the loop, as functions that it calls; nobody else touches a
// router, and so there are no locks on any.
//
// # Where to find what
//
// The loop:
//
//	daemon.go     the daemon, its turn, and what each action of a state machine means
//	timers.go     who wants to wake, and when
//	ports.go      what it asks of its host: small interfaces
//
// Routers and adverts:
//
//	router.go     a router and a group at run time
//	build.go      what follows from their settings, and what they depend on
//	table.go      which router a packet concerns
//	receive.go    packets become events, or are counted
//	complain.go   ... and told of, at most so often
//	speak.go      adverts are encoded, sent, and counted when they have left
//	form.go       in which form of checksum
//	oversize.go   adverts that a link cannot carry
//
// Links and health:
//
//	links.go      news of links, and how routers fit them
//	home.go       where a router is that names an address and no link
//	debounce.go   how long a link must stay as it is until that counts
//	verdict.go    from reports to what a router may do
//	lookouts.go   the checks that run
//
// What is held on the host:
//
//	estate.go     addresses of masters: to take, to give up, to put back
//	paths.go      their routes and rules
//	fixtures.go   what is there whatever the routers do (static_*)
//	audit.go      whether what was asked for is there
//	evict.go      ... and what was not asked for
//	standing.go   what the kernel refuses, and when it is asked again
//	devices.go, annex.go  devices with virtual MACs
//	repair.go     ... and what somebody may do to them
//	retry.go      ... and what could not be made yet
//	seats.go, guard.go    who answers for an address, and who accepts packets to it
//	promote.go    promote_secondaries
//	steward.go, changes.go  the goroutine that does all this, in order
//	announce.go   ... and tells the neighbours
//
// Another configuration:
//
//	reload.go     how it comes to be
//	identity.go   which router becomes which
//	regroup.go    who shares a fate from then on
//
// Telling others:
//
//	why.go        the reason for everything, as a value
//	inform.go     scripts, FIFOs and mails
//	events.go     observers
//	counters.go, status.go  what can be asked
//
// # Tests
//
// Whole daemons run in virtual time on a network in memory (world_test.go), and
// through storms that a seed draws (chaos_test.go).
package daemon
