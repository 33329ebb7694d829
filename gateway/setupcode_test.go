package gateway

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSetUpCode(t *testing.T) {
	var c SetUpCode
	if c.Use("") {
		t.Error("an empty code works before there is one")
	}
	code := c.Issue()
	if !regexp.MustCompile(`^[A-Z2-7]{26}$`).MatchString(code) {
		t.Errorf("the code is %q", code)
	}
	if c.Use("A"+code[1:]+"x") || c.Use("") {
		t.Error("a wrong code works")
	}
	if !c.Use(" " + strings.ToLower(code) + "\n") {
		t.Error("the code does not work")
	}
	if c.Use(code) {
		t.Error("the code works twice")
	}
	first, second := c.Issue(), c.Issue()
	if c.Use(first) || !c.Use(second) {
		t.Error("an older code works, or the newest does not")
	}
}

func TestSetUpCodeExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c SetUpCode
		code := c.Issue()
		time.Sleep(15*time.Minute - time.Second)
		if !c.Use(code) {
			t.Error("the code does not work for a quarter of an hour")
		}
		code = c.Issue()
		time.Sleep(15 * time.Minute)
		if c.Use(code) {
			t.Error("the code works after a quarter of an hour")
		}
	})
}
