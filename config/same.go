package config

import (
	"reflect"
	"time"
)

// Same returns whether two configurations, or parts of them, are equal. Secrets and
// certificates are compared by content, schedules by text and zone, instants and zones
// by meaning. Unexported fields are not compared.
//
// [reflect.DeepEqual] is not suitable: a [time.Location] caches the offset of the day
// it was loaded on, and so differs from the same zone loaded half a year later.
func Same[T any](a, b T) bool { return same(reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem()) }

func same(a, b reflect.Value) bool {
	if a.Type() != b.Type() {
		return false
	}
	if kind := a.Kind(); kind == reflect.Interface || kind == reflect.Pointer && a.Type() != reflect.TypeFor[*time.Location]() {
		return a.IsNil() == b.IsNil() && (a.IsNil() || same(a.Elem(), b.Elem()))
	}
	switch x := a.Interface().(type) {
	case time.Time:
		return x.Equal(b.Interface().(time.Time))
	case *time.Location:
		return x.String() == b.Interface().(*time.Location).String()
	case Secret:
		return x.Reveal() == b.Interface().(Secret).Reveal()
	case zoned:
		return x.Equal(b.Interface())
	}
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			if a.Type().Field(i).IsExported() && !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice, reflect.Array:
		return sameItems(a, b)
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

func sameItems(a, b reflect.Value) bool {
	if a.Len() != b.Len() || a.Kind() == reflect.Slice && a.IsNil() != b.IsNil() {
		return false
	}
	for i := range a.Len() {
		if !same(a.Index(i), b.Index(i)) {
			return false
		}
	}
	return true
}
