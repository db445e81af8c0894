module github.com/authstar/authstar

go 1.26

require (
	github.com/go-jose/go-jose/v4 v4.1.8
	github.com/go-playground/form/v4 v4.2.1
)
