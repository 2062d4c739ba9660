package frontdesk

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of failure an Error is, and so what the caller may do about it. Edges map it to a status.
type Kind uint8

// The kinds of failures.
const (
	Internal    Kind = iota // a defect or an unexpected fault; details are for the log only
	Invalid                 // the request is malformed; Public and Field name the place
	NotFound                // no such thing, or not visible to this actor
	Conflict                // the thing changed meanwhile, or exists already
	Denied                  // the actor may not
	Limited                 // too much at the moment; try again after RetryAfter
	Unavailable             // a needed part is down or full; try again later
)

var kindNames = [...]string{"internal", "invalid", "not_found", "conflict", "denied", "limited", "unavailable"}

func (k Kind) String() string { return kindNames[k] }

// Error is a failure with a kind and a text that may be shown to whoever made the request.
type Error struct {
	Kind       Kind
	Op         string        // what was being done, for the log
	Field      string        // the field, row or flag at fault, if one is
	Public     string        // safe to show; empty shows the kind alone
	RetryAfter time.Duration // for Limited and Unavailable
	Err        error
}

func (e *Error) Error() string {
	s := e.Public
	if s == "" {
		s = e.Kind.String()
	}
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Op != "" {
		s = e.Op + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error whose public text is the formatted one.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Public: fmt.Sprintf(format, args...)}
}

// InvalidField makes an Invalid error that names the field at fault.
func InvalidField(field, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Field: field, Public: fmt.Sprintf(format, args...)}
}

// KindOf returns the kind of the first Error in err's chain, Internal if there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}
