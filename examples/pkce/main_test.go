package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// The page is opened under the name that the address has, which is the issuer's;
// the port may be any.
func TestIssuerIsTheAddress(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:0": "http://127.0.0.1:",
		"localhost:0": "http://localhost:",
	} {
		ctx, stop := context.WithCancel(t.Context())
		read, write := io.Pipe()
		done := make(chan error, 1)
		go func() { done <- run(ctx, addr, write) }()
		var url string
		if _, err := fmt.Fscanf(read, "Open %s", &url); err != nil {
			t.Fatal(err)
		}
		go io.Copy(io.Discard, read)
		if port := strings.TrimPrefix(url, want); port == url || port == "0" || port == "" {
			t.Errorf("%s: %s", addr, url)
		}
		v := &visitor{T: t, issuer: url}
		v.newBrowser()
		if a := v.send("GET", "/.well-known/oauth-authorization-server", "", nil); a.get("issuer") != url {
			t.Errorf("%s: the issuer is %s", addr, a.text)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// What is no loopback address has no issuer that may be http.
func TestAddressBeyondThisMachine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for addr, want := range map[string]string{
		":0":                "Issuer",
		"0.0.0.0:0":         "Issuer",
		l.Addr().String():   "in use",
		"127.0.0.1:no port": "port",
	} {
		if err := run(t.Context(), addr, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}
