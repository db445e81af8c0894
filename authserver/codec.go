package authserver

import "encoding/binary"

// record is what is kept in a Store. fields walks over its fields, always in the
// same order, to write or to read them.
type record interface{ fields(c *codec) }

// recordVersion is the first number of every record. It goes up when fields
// change, so that no server misreads what another one wrote: to it there is no such
// record, and the user logs in again.
const recordVersion = 2

// codec writes a record, or reads one: numbers as varints, text and lists with
// their length before them. To read JSON took a tenth of a refresh.
type codec struct {
	out     []byte
	in      string
	reading bool
	bad     bool // in is not such a record
}

// write is the text of a record.
func write(r record) []byte {
	c := &codec{out: make([]byte, 0, 512)}
	c.all(r)
	return c.out
}

// read fills in a record from its text, and reports whether it is one.
func read(text []byte, r record) bool {
	c := &codec{in: string(text), reading: true}
	c.all(r)
	return !c.bad && c.in == ""
}

func (c *codec) all(r record) {
	version := int64(recordVersion)
	if c.number(&version); version != recordVersion {
		c.fail()
	}
	r.fields(c)
}

// fail leaves nothing for the fields that follow.
func (c *codec) fail() { c.bad, c.in = true, "" }

func (c *codec) number(p *int64) {
	if !c.reading {
		c.out = binary.AppendVarint(c.out, *p)
		return
	}
	var head [binary.MaxVarintLen64]byte
	n, size := binary.Varint(head[:copy(head[:], c.in)])
	if size <= 0 {
		c.fail()
		return
	}
	*p, c.in = n, c.in[size:]
}

// length is that of what follows, which takes a byte for each at least.
func (c *codec) length(n int) int {
	v := int64(n)
	c.number(&v)
	if c.reading && (v < 0 || v > int64(len(c.in))) {
		c.fail()
		return 0
	}
	return int(v)
}

func (c *codec) text(p *string) {
	n := c.length(len(*p))
	if !c.reading {
		c.out = append(c.out, *p...)
		return
	}
	*p, c.in = c.in[:n], c.in[n:]
}

func (c *codec) list(p *[]string) {
	n := c.length(len(*p))
	if c.reading && n > 0 {
		*p = make([]string, n)
	}
	for i := range *p {
		c.text(&(*p)[i])
	}
}

func (c *codec) flag(p *bool) {
	n := int64(0)
	if *p {
		n = 1
	}
	if c.number(&n); n != 0 && n != 1 {
		c.fail()
	}
	*p = n == 1
}

func (r *codeRecord) fields(c *codec) {
	if c.flag(&r.Used); r.Used {
		return
	}
	c.text(&r.Client)
	c.text(&r.RedirectURI)
	c.flag(&r.Given)
	c.text(&r.Challenge)
	c.number(&r.Expires)
	r.Grant.fields(c)
}

func (g *grant) fields(c *codec) {
	c.text(&g.ID)
	c.list(&g.Scopes)
	c.text(&g.Resource)
	g.Login.fields(c)
}

func (l *login) fields(c *codec) {
	c.text(&l.Subject)
	c.text(&l.Claims)
	c.list(&l.Scopes)
	c.text(&l.ACR)
	c.number(&l.Time)
}

func (s *session) fields(c *codec) {
	s.login.fields(c)
	c.text(&s.Client)
}

func (f *family) fields(c *codec) {
	if c.flag(&f.Revoked); f.Revoked {
		return
	}
	c.text(&f.Client)
	c.text(&f.Key)
	c.text(&f.Current)
	c.text(&f.Spent)
	c.number(&f.Rotated)
	c.number(&f.Ends)
	f.Grant.fields(c)
}
