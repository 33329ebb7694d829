package mqtt

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"roomgate/bridge"
)

// rules is what a fake broker does with the messages of a probe.
type rules struct {
	hangUpOnPublish, dropSilently, refuseSubscription, hangUpOnSubscription bool

	kept map[string][]byte // retained
	log  []packets.ControlPacket
}

func (r *rules) answer(_ int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
	r.log = append(r.log, p)
	switch p := p.(type) {
	case *packets.PublishPacket:
		if r.hangUpOnPublish {
			return nil, false
		}
		if !r.dropSilently {
			r.kept[p.TopicName] = slices.Clone(p.Payload)
		}
	case *packets.SubscribePacket:
		ack := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
		ack.MessageID, ack.ReturnCodes = p.MessageID, []byte{1}
		if r.refuseSubscription {
			ack.ReturnCodes = []byte{0x80}
		}
		out := []packets.ControlPacket{ack}
		if value := r.kept[p.Topics[0]]; len(value) > 0 && !r.refuseSubscription {
			m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
			m.TopicName, m.Payload, m.Retain = p.Topics[0], value, true
			out = append(out, m)
		}
		return out, !r.hangUpOnSubscription
	}
	return good(p), true
}

func probeAgainst(t *testing.T, r *rules) error {
	r.kept = map[string][]byte{}
	err := prober(t, &fake{answer: r.answer}).Probe(t.Context())
	time.Sleep(time.Minute) // the client library's goroutines run out
	synctest.Wait()
	return err
}

// A probe that dies midway must not have the broker tell that the gateway is
// offline, nor throw the running gateway out, nor leave its test value.
func TestProbeLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rules{}
		if err := probeAgainst(t, r); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, p := range r.log {
			switch p := p.(type) {
			case *packets.ConnectPacket:
				ids = append(ids, p.ClientIdentifier)
				if p.WillFlag {
					t.Errorf("%s leaves a last will", p.ClientIdentifier)
				}
			case *packets.PublishPacket:
				if p.TopicName != "roomgate/hq/gateway/check" || p.Qos != 1 || !p.Retain {
					t.Errorf("published: %v", p)
				}
			}
		}
		if want := []string{"gateway-1-check", "gateway-1-check-read", "gateway-1-check-read"}; !slices.Equal(ids, want) {
			t.Errorf("client ids %q, want %q", ids, want)
		}
		if value := r.kept["roomgate/hq/gateway/check"]; len(value) != 0 {
			t.Errorf("the test value %q stays with the broker", value)
		}
	})
}

// Each way in which a broker's access rules can be in the gateway's way.
func TestProbeFindsAccessRules(t *testing.T) {
	for _, c := range []struct {
		name     string
		rules    rules
		words    string
		unproven bool
	}{
		{"silently dropped", rules{dropSilently: true}, "did not return it", false},
		{"hangs up on a message", rules{hangUpOnPublish: true}, "did not accept a message on roomgate/hq/gateway/check", false},
		{"no reading", rules{refuseSubscription: true}, "does not let it subscribe to roomgate/hq/gateway/check", true},
		{"hangs up on a subscription", rules{refuseSubscription: true, hangUpOnSubscription: true}, "does not let it subscribe", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := probeAgainst(t, &c.rules)
				if err == nil || !strings.Contains(err.Error(), c.words) {
					t.Fatalf("found %v, want words like %q", err, c.words)
				}
				if got := errors.Is(err, ErrUnproven); got != c.unproven {
					t.Errorf("unproven is %v, want %v: %v", got, c.unproven, err)
				}
				var a interface{ Action() string }
				if !errors.As(err, &a) || !strings.Contains(a.Action(), "roomgate/hq/#") {
					t.Errorf("the error does not say which topics to allow: %v", err)
				}
			})
		})
	}
}

func TestProbeTellsWhatIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := &fake{answer: func(int, packets.ControlPacket) ([]packets.ControlPacket, bool) {
			no := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
			no.ReturnCode = packets.ErrRefusedNotAuthorised
			return []packets.ControlPacket{no}, false
		}}
		if err := prober(t, refused).Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "refused the login") {
			t.Errorf("a refused login: %v", err)
		}
		silent := &fake{answer: func(int, packets.ControlPacket) ([]packets.ControlPacket, bool) { return nil, true }}
		if err := prober(t, silent).Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "gave no answer within 15s") {
			t.Errorf("a silent broker: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := prober(t, silent).Probe(ctx); err != context.Canceled {
			t.Errorf("a check that is called off: %v", err)
		}
		time.Sleep(time.Minute) // the client library's goroutines run out
	})
}

func prober(t *testing.T, f *fake) *Sink {
	o := options(t, "mqtt://broker.example:1883", bridge.New())
	o.ClientID, o.Dial = "gateway-1", f.dial
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
