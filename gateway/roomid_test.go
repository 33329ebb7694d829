package gateway

import (
	"strings"
	"testing"
)

func TestRoomID(t *testing.T) {
	for _, c := range []struct{ name, address, taken, want string }{
		{"Boardroom", "br@contoso.example", "", "boardroom"},
		{"Boardroom", "br@contoso.example", "boardroom", "boardroom-2"},
		{"Boardroom", "br@contoso.example", "boardroom boardroom-2", "boardroom-3"},
		{"Großer Saal (EG)", "", "", "grosser-saal-eg"},
		{"Salle d’été Nº 3", "", "", "salle-dete-n-3"},
		{"CAFÉ", "", "", "cafe"},
		{"Cafe\u0301", "", "", "cafe"},
		{"Łódź / Århus", "", "", "lodz-arhus"},
		{"会議室", "Kaigi.3@contoso.example", "", "kaigi-3"},
		{"", "", "", "room"},
		{"", "", "room", "room-2"},
		{"--", "--@contoso.example", "", "room"},
		{"a room with a name of more than forty letters", "", "", "a-room-with-a-name-of-more-than-forty-le"},
		{"a room with a name of more than 40 letters", "", "a-room-with-a-name-of-more-than-40-lette", "a-room-with-a-name-of-more-than-40-let-2"},
		{"a room with a name of just more than a 40 letters", "", "", "a-room-with-a-name-of-just-more-than-a-4"},
		{"a room with a name of over thirty-nine  x", "", "", "a-room-with-a-name-of-over-thirty-nine-x"},
	} {
		got := roomID(c.name, c.address, func(id string) bool { return strings.Contains(" "+c.taken+" ", " "+id+" ") })
		if got != c.want {
			t.Errorf("%q at %q with %q taken: %q, want %q", c.name, c.address, c.taken, got, c.want)
		}
	}
}
