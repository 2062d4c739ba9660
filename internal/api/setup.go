package api

import (
	"context"
	"net/http"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/channel"
	"frontdesk/internal/sqldb"
)

type setupState struct {
	Needed bool `json:"needed" doc:"No owner was made yet"`
}

type setupInput struct {
	Body struct {
		Company  string `json:"company" minLength:"1" maxLength:"80"`
		Name     string `json:"name" minLength:"1" maxLength:"80"`
		Email    string `json:"email" maxLength:"254"`
		Password string `json:"password" minLength:"10" maxLength:"256"`
		Zone     string `json:"zone,omitempty" default:"Asia/Shanghai" maxLength:"60" doc:"IANA name of the company's zone"`
	}
}

type setupDone struct {
	Tenant  string `json:"tenant"`
	Staff   string `json:"staff"`
	Site    string `json:"site"`
	SiteKey string `json:"site_key" doc:"What the script of the company's pages names"`
}

func (s *server) setupRoutes() {
	handle(s, Route{Method: http.MethodGet, Path: "/v1/setup", Name: "get-setup", Public: true, Group: "setup",
		Doc: "Whether the first owner is still to be made", DocZH: "是否需要初始化"},
		func(ctx context.Context, _ *none) (*body[setupState], error) {
			needed, err := s.Auth.NeedsSetup(ctx)
			return &body[setupState]{setupState{needed}}, err
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/setup", Name: "set-up", Public: true, Group: "setup", Status: 201, Once: true,
		Doc: "Make the company, its owner, bot and first site; only while there is no owner", DocZH: "创建公司、所有者、机器人和首个站点（仅限首次）"},
		func(ctx context.Context, in *setupInput) (*body[setupDone], error) {
			b := in.Body
			var site channel.Site
			owner, err := s.Auth.Setup(ctx, auth.FirstRun{Tenant: auth.FirstTenant, Company: b.Company, Name: b.Name, Email: b.Email, Password: b.Password},
				func(tx *sqldb.Tx, owner frontdesk.Actor) (err error) {
					site, err = s.Sites.CreateIn(tx, owner, FirstSite(b.Company, b.Zone))
					return err
				})
			return &body[setupDone]{setupDone{Tenant: owner.Tenant, Staff: owner.ID, Site: site.ID, SiteKey: site.Key}}, err
		})
}

// FirstSite is the site that a new company begins with. It allows no foreign page until the owner names one.
func FirstSite(company, zone string) channel.Site {
	return channel.Site{Key: "main", Name: frontdesk.Localized{"zh": company, "en": company}, Bot: channel.DefaultBot,
		Languages: []string{"zh", "en"}, Zone: zone}
}
