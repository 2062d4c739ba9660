package auth

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// Profile is how a member of staff likes their screens. The zero value is one who has not chosen: empty means as the
// browser says.
type Profile struct {
	Language string `json:"language,omitempty" enum:"zh,en" doc:"Absent: the browser's"`
	Theme    string `json:"theme,omitempty" enum:"light,dark,system"`
	Zone     string `json:"zone,omitempty" maxLength:"60" doc:"IANA name; absent: the browser's"`
	Notify   Notify `json:"notify"`
}

// Notify is what a member of staff wants to be told of, and how.
type Notify struct {
	Desktop bool `json:"desktop" doc:"By the desktop's notifications"`
	Sound   bool `json:"sound"`
	Title   bool `json:"title" doc:"A count in the window's title"`
	Waiting bool `json:"waiting" doc:"Customers who begin to wait"`
	Mine    bool `json:"mine" doc:"Messages in my conversations"`
}

// ProfileChange holds what to change; nil leaves a thing as it is.
type ProfileChange struct {
	Language, Theme, Zone                *string
	Desktop, Sound, Title, Waiting, Mine *bool
}

// unchosen is what holds until somebody chooses: quiet, but nothing that concerns them is missed.
var unchosen = Profile{Notify: Notify{Title: true, Waiting: true, Mine: true}}

// Profile returns how a member of staff likes their screens.
func (s *Service) Profile(ctx context.Context, tenant, id string) (Profile, error) {
	var text string
	err := s.db.QueryRow(ctx, `SELECT profile FROM staff WHERE tenant = $1 AND id = $2 AND deleted_at = 0`, tenant, id).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return Profile{}, frontdesk.Errorf(frontdesk.NotFound, "There is no such member of staff.")
	} else if err != nil {
		return Profile{}, fmt.Errorf("load profile: %w", err)
	}
	return readProfile(text)
}

func readProfile(text string) (Profile, error) {
	p := unchosen
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, fmt.Errorf("decode profile: %w", err)
	}
	return p, nil
}

// ChangeProfile changes how actor likes their screens. It is nobody else's business, so it is no event.
func (s *Service) ChangeProfile(ctx context.Context, actor frontdesk.Actor, c ProfileChange) (Profile, error) {
	if c.Zone != nil && *c.Zone != "" {
		if _, err := time.LoadLocation(*c.Zone); err != nil || *c.Zone == "Local" {
			return Profile{}, frontdesk.InvalidField("zone", "A zone is an IANA name such as Asia/Shanghai.")
		}
	}
	if c.Language != nil && *c.Language != "" && *c.Language != "zh" && *c.Language != "en" {
		return Profile{}, frontdesk.InvalidField("language", "The console speaks zh and en.")
	}
	if c.Theme != nil && *c.Theme != "" && *c.Theme != "light" && *c.Theme != "dark" && *c.Theme != "system" {
		return Profile{}, frontdesk.InvalidField("theme", "A theme is light, dark or system.")
	}
	var p Profile
	err := s.db.Write(ctx, func(tx *sqldb.Tx) error {
		if _, err := lockStaff(tx, actor.Tenant, actor.ID); err != nil {
			return err
		}
		var text string
		err := tx.QueryRow(`SELECT profile FROM staff WHERE tenant = $1 AND id = $2`, actor.Tenant, actor.ID).Scan(&text)
		if err == nil {
			p, err = readProfile(text)
		}
		if err != nil {
			return err
		}
		set(&p.Language, c.Language)
		set(&p.Theme, c.Theme)
		set(&p.Zone, c.Zone)
		set(&p.Notify.Desktop, c.Desktop)
		set(&p.Notify.Sound, c.Sound)
		set(&p.Notify.Title, c.Title)
		set(&p.Notify.Waiting, c.Waiting)
		set(&p.Notify.Mine, c.Mine)
		b, err := json.Marshal(p)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE staff SET profile = $3 WHERE tenant = $1 AND id = $2`, actor.Tenant, actor.ID, string(b))
		return err
	})
	if err != nil {
		return p, fmt.Errorf("change profile: %w", err)
	}
	return p, nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
