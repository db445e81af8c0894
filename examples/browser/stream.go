package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/contrib/wsauth"
)

// greet says hello over a WebSocket and sends back what it gets, until the
// client's token expires.
func greet(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"greetings"}})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	open := wsauth.CloseOnExpiry(r.Context(), conn)
	client, _ := authstar.ClientFrom(open)
	kind, message := websocket.MessageText, []byte("Hello, "+client.ClientID()+"!")
	for {
		if err := conn.Write(open, kind, message); err != nil {
			return
		}
		if kind, message, err = conn.Read(open); err != nil || r.Context().Err() != nil {
			return
		}
	}
}

// events sends the time every half second. Its last event says why it was the
// last.
func events(w http.ResponseWriter, r *http.Request) {
	stream := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for now := time.Now(); ; {
		fmt.Fprintf(w, "data: %s\n\n", now.Format(time.TimeOnly))
		if err := stream.Flush(); err != nil {
			return
		}
		select {
		case now = <-tick.C:
		case <-r.Context().Done():
			if context.Cause(r.Context()) == authstar.InvalidToken {
				_, _ = fmt.Fprint(w, "event: end\ndata: the token has expired\n\n")
			}
			return
		}
	}
}
