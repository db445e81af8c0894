//go:build unix

package main

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// Several machines, or one that is started again, share what the store has.
func TestSessionsSurviveARestart(t *testing.T) {
	t.Run("Redis", func(t *testing.T) { survive(t, redisServer(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { survive(t, postgresServer(t)) })
}

func survive(t *testing.T, d database) {
	stop := d.start()
	first := start(t, d.where)
	cookie := first.login("alice", "wonderland")
	first.want(200, "GET", "/orders", cookie)
	first.stop()

	second := start(t, d.where)
	second.want(200, "GET", "/orders", cookie)
	second.want(403, "GET", "/admin", cookie)
	second.want(200, "GET", "/account", cookie) // knows when alice logged in
	for _, stored := range d.stored(t) {
		if strings.Contains(stored, cookie.Value) {
			t.Error("S09 the id is stored as it is")
		}
	}

	stop()
	second.want(503, "GET", "/orders", cookie)
	second.want(503, "POST", "/logout", cookie)
	second.want(200, "GET", "/", cookie)
	d.start()
	second.want(200, "GET", "/orders", cookie)

	third := start(t, d.where) // beside the second
	third.want(200, "GET", "/orders", cookie)
	third.want(303, "POST", "/logout", cookie)
	second.want(401, "GET", "/orders", cookie)
	third.want(401, "GET", "/orders", cookie)
	for _, stored := range d.stored(t) {
		if strings.Contains(stored, "alice") {
			t.Errorf("S06 the store has %q", stored)
		}
	}
	logoutsBesideRequests(t, second, third)
}

// S06: a logout by one machine, while another one answers requests of the session.
func logoutsBesideRequests(t *testing.T, a, b *instance) {
	alive := 0
	for range 50 {
		cookie := a.login("carol", "looking-glass")
		var requests sync.WaitGroup
		for range 3 {
			requests.Go(func() { b.send("GET", "/orders", nil, cookie) })
		}
		a.want(303, "POST", "/logout", cookie)
		requests.Wait()
		if a.send("GET", "/orders", nil, cookie).StatusCode != 401 {
			alive++
		}
	}
	if alive > 0 {
		t.Errorf("S06 %d sessions of 50 are alive after their logout", alive)
	}
}

// stored is what the database has of sessions, names and contents.
func (d database) stored(t *testing.T) (list []string) {
	t.Helper()
	ctx := context.Background()
	if d.where.redis != "" {
		client := redis.NewClient(&redis.Options{Network: "unix", Addr: d.where.redis})
		defer client.Close()
		keys, err := client.Keys(ctx, "*").Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			if ttl := client.TTL(ctx, key).Val(); ttl <= 0 {
				t.Errorf("S07 %s does not expire", key)
			}
			list = append(list, key, client.Get(ctx, key).Val())
		}
		return list
	}
	conn, err := pgx.Connect(ctx, d.where.postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT token || encode(data, 'escape') FROM sessions")
	if err != nil {
		t.Fatal(err)
	}
	list, err = pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return list
}
