package zones

import (
	"testing"
	"time"
)

// FuzzLoad checks that a name loads the same zone each time, or is an error, and
// never loads the gateway's own zone.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"", "UTC", "Local", "tzone://Microsoft/Custom", "Pacific Standard Time", "Europe/Berlin", "../x", "Europe/Berlin\x00"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		z, err := Load(name)
		if (z == nil) == (err == nil) || z == time.Local {
			t.Fatalf("%q: zone %v, error %v", name, z, err)
		}
		if again, _ := Load(name); err == nil && again.String() != z.String() {
			t.Errorf("%q: zone %v, then %v", name, z, again)
		}
	})
}
