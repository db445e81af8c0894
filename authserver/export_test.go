package authserver

// Rewrite reads a text as each kind of record, and returns what it writes of
// those that it could read.
func Rewrite(text []byte) [3][]byte {
	var texts [3][]byte
	for i, r := range []record{new(codeRecord), new(family), new(session)} {
		if read(text, r) {
			texts[i] = write(r)
		}
	}
	return texts
}

// Queues is how many accounts and addresses have logins under way.
func (s *Server) Queues() int { return len(s.accountTurns.queues) + len(s.sourceTurns.queues) }
