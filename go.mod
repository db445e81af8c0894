module github.com/authstar/authstar

go 1.26.0

require (
	github.com/go-jose/go-jose/v4 v4.1.8
	github.com/go-playground/form/v4 v4.2.1
	golang.org/x/crypto v0.58.0
	golang.org/x/sync v0.24.0
	golang.org/x/term v0.47.0
	golang.org/x/time v0.16.0
)

require golang.org/x/sys v0.49.0 // indirect
