package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"frontdesk"
	"frontdesk/demo"
	"frontdesk/internal/auth"
	"frontdesk/internal/channel"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/ops"
	"frontdesk/internal/sqldb"
)

// seedDemo loads the demo company into an installation that does not have it. A fresh folder is filled without waiting for
// the disk at each commit: nobody has been promised anything in it yet.
func seedDemo(ctx context.Context, o Options) error {
	_, err := os.Stat(filepath.Join(o.Config.Data, sqldb.FileName))
	a := &App{Options: o, health: &ops.Health{}, noSync: errors.Is(err, fs.ErrNotExist) && o.Config.Database.URL == ""}
	if err := a.open(ctx); err != nil {
		return err
	}
	defer a.close()
	return a.fillDemo(ctx)
}

func (a *App) fillDemo(ctx context.Context) error {
	tenants, err := a.staff.Tenants(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(tenants, func(t auth.Tenant) bool { return t.ID == demo.Tenant }) {
		if err := a.demoCompany(ctx); err != nil {
			return err
		}
	}
	release, err := a.store.Latest(ctx, demo.Tenant, knowledge.DefaultBot)
	if err != nil {
		return err
	}
	if release.Number == 0 {
		entries := demo.Entries()
		if a.BenchEntries > 0 {
			entries = append(slices.Clone(entries), knowledge.Synthetic(a.BenchEntries, demo.Seed)...)
		}
		if err := a.importEntries(ctx, entries); err != nil {
			return err
		}
		// Built now, so that the first customer does not wait for it.
		if _, err := a.store.Latest(ctx, demo.Tenant, knowledge.DefaultBot); err != nil {
			return err
		}
		if a.BenchEntries == 0 {
			return a.demoHistory(ctx)
		}
	}
	return nil
}

// suggestions are the questions a visitor is offered before asking any, one a line.
func suggestions() frontdesk.Localized {
	questions := map[string]string{}
	for _, e := range demo.Entries() {
		questions[e.ID] = e.Question
	}
	out := frontdesk.Localized{}
	for language, ids := range demo.Suggested {
		var lines []string
		for _, id := range ids {
			lines = append(lines, questions[id])
		}
		out[language] = strings.Join(lines, "\n")
	}
	return out
}

func (a *App) importEntries(ctx context.Context, entries []knowledge.Entry) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for i := range entries {
		if err := enc.Encode(&entries[i]); err != nil {
			return err
		}
	}
	report, err := a.store.Import(ctx, knowledge.ImportOptions{Tenant: demo.Tenant, Bot: knowledge.DefaultBot, Format: knowledge.JSONL, Reader: &b})
	if err != nil {
		return err
	}
	if report.Failed > 0 {
		return fmt.Errorf("entries refused: %+v", report.Problems)
	}
	return nil
}

func (a *App) demoCompany(ctx context.Context) error {
	owner := demo.Staff[0]
	_, err := a.staff.AddTenant(ctx, auth.FirstRun{Tenant: demo.Tenant, Company: demo.Name.In("zh"), Name: owner.Name.In("zh"), Shown: owner.Name, Email: owner.Email, Password: owner.Password},
		func(tx *sqldb.Tx, actor frontdesk.Actor) error {
			day := []channel.Span{{From: demo.Opens, To: demo.Closes}}
			week := channel.Week{}
			for _, d := range []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} {
				week[d] = day
			}
			_, err := a.sites.CreateIn(tx, actor, channel.Site{
				Tenant: demo.Tenant, ID: demo.SiteID, Key: demo.SiteKey, Name: demo.Name, Bot: knowledge.DefaultBot, Languages: demo.Languages,
				Zone: demo.ZoneName, Hours: channel.Hours{Week: week},
				Settings: channel.Settings{Colour: "#1d6b4a", Logo: "/demo/icon.svg", Texts: map[string]frontdesk.Localized{"greeting": demo.Welcome, "notice": demo.Notice, "suggestions": suggestions()}},
			})
			return err
		})
	if err != nil {
		return err
	}
	actor := frontdesk.Actor{Kind: frontdesk.ActorSystem, Tenant: demo.Tenant, Roles: []string{"owner"}}
	for _, p := range demo.Staff[1:] {
		if _, err := a.staff.Hire(ctx, actor, auth.NewStaff{Email: p.Email, Name: p.Name.In("zh"), Shown: p.Name, Password: p.Password, Roles: []string{p.Role}}); err != nil {
			return fmt.Errorf("staff %s: %w", p.Email, err)
		}
	}
	return nil
}
