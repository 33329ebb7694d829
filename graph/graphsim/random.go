package graphsim

import "fmt"

const base64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// userCodeLetters are the letters of a device user code: no vowels and no letters that are easily confused.
const userCodeLetters = "BCDFGHJKLMNPQRSTVWXYZ23456789"

func (s *Sim) guid() string {
	a, b := s.rng.Uint64(), s.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", uint32(a>>32), uint16(a>>16), uint16(a)&0xfff, 0x8000|uint16(b>>48)&0x3fff, b&0xffffffffffff)
}

func (s *Sim) letters(n int, alphabet string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[s.rng.IntN(len(alphabet))]
	}
	return string(b)
}

func (s *Sim) secretString(prefix string, n int) string { return prefix + s.letters(n, base64URL) }

func (s *Sim) changeKey() string { return s.letters(22, base64URL) + "==" }

func (s *Sim) eventID() string { return ordinaryID + s.letters(100, base64URL) + idTail }

// globalID returns an iCalUId in the form of [MS-OXOCAL] §2.2.1.27: the four bytes of the occurrence's date are zero.
func (s *Sim) globalID() string {
	return fmt.Sprintf("040000008200E00074C5B7101A82E00800000000%016X000000000000000010000000%016X%016X", s.rng.Uint64(), s.rng.Uint64(), s.rng.Uint64())
}
