package config

import "testing"

// TestLines has every shape in which TOML lets a key be written.
func TestLines(t *testing.T) {
	text := "\ufeff# comment with [table] and key = 1\r\n" + `top = 1
[site] # [site2]
id = "a # b"
long = """
inner = 1
\""" [x] """""
lit = '''
inner2 = 2
'' it's''' # end
list = [
  1, # one
  { deep = 2, "q.k" = [3] },
]
a.b . "c d" = { x = 1, y.z = 2 }
when = 2027-05-01 10:00:00
[[room]]
id = 'x\'
[room.sub]
k = 1
[[room]]
[[room.part]]
p = 1
[[room.part]]
p = 2
["odd.name"]
"\u0061bc" = 1
`
	lines := indexLines(text)
	for path, want := range map[string]int{
		"top": 2, "site": 3, "site.id": 4, "site.long": 5, "site.lit": 8,
		"site.list": 11, "site.list[0]": 12, "site.list[1].deep": 13, `site.list[1]."q.k"`: 13,
		"site.a": 15, "site.a.b": 15, `site.a.b."c d".x`: 15, `site.a.b."c d".y.z`: 15, "site.when": 16,
		"room[0]": 17, "room[0].id": 18, "room[0].sub": 19, "room[0].sub.k": 20, "room[1]": 21,
		"room[1].part[0].p": 23, "room[1].part[1].p": 25, `"odd.name"`: 26, `"odd.name".abc`: 27,
		"room[1].absent": 21, "site.absent": 3, "absent": 0, "": 0, "room[7]": 17,
	} {
		if got := lines.of(path); got != want {
			t.Errorf("%s is on line %d, want %d", path, got, want)
		}
	}
	for _, path := range []string{"site.inner", "site.inner2", "site2"} {
		if _, there := lines[path]; there {
			t.Errorf("%s is inside a text or a comment, and was taken for a key", path)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"name", "mailbox", "match", "client_secret_file", ""}
	for word, want := range map[string]string{
		"nmae": "name", "Name": "name", "mailbocks": "mailbox", "client_secretfile": "client_secret_file",
		"nam": "name", "x": "", "sweep": "", "presence_topic": "", "": "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
