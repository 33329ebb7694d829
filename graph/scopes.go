package graph

import (
	"cmp"
	"slices"
	"strings"
)

// fullScopes writes Graph permissions as URIs of the cloud's own Graph, which
// the national clouds want (learn.microsoft.com/graph/deployments). In the
// global cloud, and for a Graph over plain http, which only a simulator is,
// the short names stay.
func fullScopes(scopes []string, graphURL string) []string {
	national := strings.HasPrefix(graphURL, "https://") && graphURL != globalGraph
	var full []string
	for _, s := range scopes {
		if national && !identityScope(s) && !strings.Contains(s, "://") {
			s = graphURL + "/" + s
		}
		full = append(full, s)
	}
	return full
}

const globalGraph = "https://graph.microsoft.com"

// appScope asks for all the app was granted in the tenant
// (learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
func appScope(graphURL string) string {
	return cmp.Or(graphURL, globalGraph) + "/.default"
}

// identityScope reports whether a scope is one of OpenID Connect and not a permission.
func identityScope(s string) bool {
	return s == "openid" || s == "profile" || s == "email" || s == "offline_access"
}

// shortScopes drops the resource in front of the names of permissions.
func shortScopes(scopes []string) []string {
	short := slices.Clone(scopes)
	for i, s := range short {
		if strings.Contains(s, "://") {
			short[i] = s[strings.LastIndex(s, "/")+1:]
		}
	}
	return short
}

// missingScopes returns the permissions among asked that granted does not
// hold; nil where it is not known what was granted. A permission to write
// includes the one to read.
func missingScopes(asked, granted []string) []string {
	if len(granted) == 0 {
		return nil
	}
	var missing []string
	for _, s := range shortScopes(asked) {
		holds := func(g string) bool {
			return strings.EqualFold(g, s) || strings.EqualFold(g, strings.Replace(s, ".Read", ".ReadWrite", 1))
		}
		if !identityScope(s) && s != ".default" && !slices.ContainsFunc(granted, holds) {
			missing = append(missing, s)
		}
	}
	return missing
}
