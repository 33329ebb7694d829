package graphsim

import (
	"slices"
	"strconv"
	"strings"
)

// placesPage is the default page size of places.
const placesPage = 100

// places handles /places/…: rooms, room lists (one per building), the rooms of a list, one room.
func (s *Sim) places(c *call, cl caller, sub []string) response {
	if !cl.has("Place.Read.All") {
		return graphError(c, 403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	}
	switch {
	case len(sub) == 1 && isType(sub[0], "room"):
		return placePage(c, "places/microsoft.graph.room", s.roomRows(""))
	case len(sub) == 1 && isType(sub[0], "roomList"):
		return placePage(c, "places/microsoft.graph.roomList", s.listRows())
	case len(sub) == 3 && isType(sub[1], "roomList") && sub[2] == "rooms":
		return placePage(c, "places/microsoft.graph.room", s.roomRows(sub[0]))
	case len(sub) == 1:
		for _, r := range s.rooms() {
			if r.ID == sub[0] || fold(r.Address) == fold(sub[0]) {
				row := roomRow(r)
				row["@odata.context"] = c.base + "/v1.0/$metadata#places/$entity"
				return graphResponse(row)
			}
		}
		return graphError(c, 404, "ResourceNotFound", "Resource could not be discovered.")
	}
	return unknownSegment(c, "places")
}

// isType reports whether a segment is a cast to a type of Graph, with the long or the short namespace, in any case.
func isType(segment, name string) bool {
	return fold(segment) == "graph."+fold(name) || fold(segment) == "microsoft.graph."+fold(name)
}

// roomRows returns the rooms of a room list, or all for "".
func (s *Sim) roomRows(list string) []map[string]any {
	var rows []map[string]any
	for _, r := range s.rooms() {
		if list == "" || listAddress(r.Building) == fold(list) {
			rows = append(rows, roomRow(r))
		}
	}
	return rows
}

func listAddress(building string) string {
	return "rooms-" + strings.ReplaceAll(fold(building), " ", "-") + "@" + TenantDomain
}

func (s *Sim) listRows() []map[string]any {
	var rows []map[string]any
	var seen []string
	for _, r := range s.rooms() {
		if r.Building == "" || slices.Contains(seen, r.Building) {
			continue
		}
		seen = append(seen, r.Building)
		rows = append(rows, map[string]any{"id": r.ID, "displayName": r.Building + " rooms", "emailAddress": listAddress(r.Building), "address": nil, "geoCoordinates": nil, "phone": ""})
	}
	return rows
}

func roomRow(r Room) map[string]any {
	row := map[string]any{
		"id": r.ID, "placeId": r.ID, "emailAddress": r.Address, "displayName": r.Name, "nickname": orText(r.Nickname, r.Name),
		"label": nil, "capacity": nil, "building": orNull(r.Building), "floorNumber": nil, "floorLabel": orNull(r.FloorLabel),
		"bookingType": "standard", "isWheelChairAccessible": false, "tags": []string{},
		"audioDeviceName": nil, "videoDeviceName": nil, "displayDeviceName": nil, "phone": "", "parentId": nil, "address": nil, "geoCoordinates": nil,
	}
	if r.Capacity > 0 {
		row["capacity"] = r.Capacity
	}
	if r.Building != "" {
		row["floorNumber"] = r.Floor
	}
	return row
}

// placePage applies $top and $skip.
func placePage(c *call, what string, rows []map[string]any) response {
	v := c.r.URL.Query()
	top, skip := placesPage, 0
	for name, into := range map[string]*int{"$top": &top, "$skip": &skip} {
		if t := v.Get(name); t != "" {
			n, err := strconv.Atoi(t)
			if err != nil || n < 0 || name == "$top" && n == 0 {
				return graphError(c, 400, "ErrorInvalidParameter", "The value '"+t+"' of "+name+" is not valid.")
			}
			*into = n
		}
	}
	from := min(skip, len(rows))
	to := min(from+top, len(rows))
	body := map[string]any{"@odata.context": c.base + "/v1.0/$metadata#" + what, "value": append([]map[string]any{}, rows[from:to]...)}
	if v.Get("$count") == "true" {
		body["@odata.count"] = len(rows)
	}
	if to < len(rows) {
		link := c.base + c.r.URL.EscapedPath() + "?"
		if q := linkQuery(c); q != "" {
			link += q + "&"
		}
		body["@odata.nextLink"] = link + "$skip=" + strconv.Itoa(to)
	}
	return graphResponse(body)
}
