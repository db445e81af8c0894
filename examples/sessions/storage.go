package main

import (
	"context"
	"errors"
	"strings"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/pgxstore"
	"github.com/alexedwards/scs/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/authstar/authstar/contrib/scsauth"
)

// storage is where sessions are kept: at most one of these, or in memory.
type storage struct{ redis, postgres string }

// open makes a manager, and what closes its store.
func (s storage) open(ctx context.Context) (*scs.SessionManager, func(), error) {
	manager := scsauth.NewManager()
	switch {
	case s.redis != "" && s.postgres != "":
		return nil, nil, errors.New("sessions are kept in Redis or in PostgreSQL, not in both")
	case s.redis != "":
		options := &redis.Options{Addr: s.redis, Network: "tcp"}
		if strings.HasPrefix(s.redis, "/") {
			options.Network = "unix"
		}
		client := redis.NewClient(options)
		manager.Store = goredisstore.New(client)
		return manager, func() { _ = client.Close() }, nil
	case s.postgres != "":
		pool, err := pgxpool.New(ctx, s.postgres)
		if err != nil {
			return nil, nil, err
		}
		if _, err := pool.Exec(ctx, table); err != nil {
			pool.Close()
			return nil, nil, err
		}
		manager.Store = pgxstore.New(pool)
		return manager, pool.Close, nil
	}
	return manager, func() {}, nil
}

// table is what pgxstore needs; an application has it among its migrations.
const table = `
	CREATE TABLE IF NOT EXISTS sessions (
		token  TEXT PRIMARY KEY,
		data   BYTEA NOT NULL,
		expiry TIMESTAMPTZ NOT NULL
	);
	CREATE INDEX IF NOT EXISTS sessions_expiry_idx ON sessions (expiry);`
