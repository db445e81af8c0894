module github.com/authstar/authstar/contrib/scsauth

go 1.26.0

require (
	github.com/alexedwards/scs/v2 v2.9.0
	github.com/authstar/authstar v0.0.0
	github.com/go-jose/go-jose/v4 v4.1.8
)

require (
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)

replace github.com/authstar/authstar => ../..
