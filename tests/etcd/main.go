// The etcd server of a current release, for the tests that run against one beside Debian's. Built by scripts/build-etcd.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
