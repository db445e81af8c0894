package main

import (
	"fmt"
	"io"
	"strings"
)

// report is what a run found out.
type report struct {
	rows   []row
	tables []table
}

// row is a case with a limit.
type row struct {
	name, measured, limit string
	pass                  bool
}

func (r *report) add(name, limit string, pass bool, measured string, args ...any) {
	r.rows = append(r.rows, row{name, fmt.Sprintf(measured, args...), limit, pass})
}

func (r *report) missed() (n int) {
	for _, row := range r.rows {
		if !row.pass {
			n++
		}
	}
	return n
}

// table is Markdown.
type table [][]string

func (t table) write(w io.Writer) {
	for n, cells := range t {
		_, _ = fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
		if n == 0 {
			_, _ = fmt.Fprintf(w, "|%s\n", strings.Repeat("---|", len(cells)))
		}
	}
}

func (r *report) write(w io.Writer) {
	limits := table{{"case", "measured", "limit", ""}}
	for _, row := range r.rows {
		verdict := "PASS"
		if !row.pass {
			verdict = "MISS"
		}
		limits = append(limits, []string{row.name, row.measured, row.limit, verdict})
	}
	limits.write(w)
	for _, t := range r.tables {
		_, _ = fmt.Fprintln(w)
		t.write(w)
	}
}
