package api_test

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"testing"
	"time"
)

func TestOwnProfile(t *testing.T) {
	n, own, rival := startNode(t, nil)
	type me struct {
		Name    string
		Names   map[string]string
		Profile struct {
			Language, Theme, Zone string
			Notify                struct{ Desktop, Sound, Title, Waiting, Mine bool }
		}
	}
	var m me
	n.call(own.owner, "GET", "/v1/me", "", 200, &m)
	if !m.Profile.Notify.Title || !m.Profile.Notify.Waiting || m.Profile.Notify.Sound || m.Profile.Theme != "" {
		t.Errorf("before anything was chosen: %+v", m)
	}
	n.call(own.owner, "PATCH", "/v1/me", `{"names":{"zh":"小林","en":"Lin"},"language":"zh","theme":"dark","zone":"Asia/Shanghai","notify":{"sound":true,"title":false}}`, 200, &m)
	n.call(own.owner, "PATCH", "/v1/me", `{"name":"Lin Xiao","theme":""}`, 200, nil)
	m = me{}
	n.call(own.owner, "GET", "/v1/me", "", 200, &m)
	if p := m.Profile; m.Name != "Lin Xiao" || m.Names["zh"] != "小林" || p.Language != "zh" || p.Theme != "" || p.Zone != "Asia/Shanghai" || !p.Notify.Sound || p.Notify.Title || !p.Notify.Mine {
		t.Errorf("after: %+v", m)
	}
	for _, wrong := range []string{`{"zone":"Mars/Olympus"}`, `{"language":"tlh"}`, `{"theme":"pink"}`, `{"name":""}`, `{"roles":["owner"]}`} {
		n.call(own.owner, "PATCH", "/v1/me", wrong, 422, nil)
	}
	m = me{}
	n.call(rival.owner, "GET", "/v1/me", "", 200, &m)
	if m.Name != "Owner" || m.Profile.Zone != "" {
		t.Errorf("somebody else: %+v", m)
	}
}

func TestSiteChangesInPart(t *testing.T) {
	n, own, rival := startNode(t, nil)
	type site struct {
		Name      map[string]string
		Zone      string
		Origins   []string
		UpdatedAt int64 `json:"updated_at"`
		Settings  struct {
			Colour, Logo string
			Texts        map[string]map[string]string
		}
	}
	path := "/v1/sites/" + own.ids["sites"]
	var before, s site
	n.call(own.owner, "GET", path, "", 200, &before)
	n.call(own.owner, "PATCH", path, `{"zone":"Europe/London","settings":{"colour":"#123456","texts":{"greeting":{"zh":"您好","en":"Hello"},"offline":{"zh":"稍后"}}}}`, 200, &s)
	if s.Zone != "Europe/London" || s.Settings.Colour != "#123456" || s.Settings.Texts["greeting"]["en"] != "Hello" || s.Name["zh"] != before.Name["zh"] {
		t.Errorf("after the first change: %+v", s)
	}
	s = site{}
	n.call(own.owner, "PATCH", path, `{"settings":{"texts":{"offline":{}}}}`, 200, &s)
	if _, there := s.Settings.Texts["offline"]; there || s.Settings.Texts["greeting"]["zh"] != "您好" || s.Settings.Colour != "#123456" {
		t.Errorf("after a text was taken away: %+v", s)
	}
	n.call(own.owner, "PATCH", path+"?base=1", `{"zone":"UTC"}`, 409, nil)
	n.call(own.owner, "PATCH", path, `{"zone":"Mars/Olympus"}`, 422, nil)
	n.call(own.owner, "PATCH", path, `{"settings":{"colour":"red"}}`, 422, nil)

	var picture bytes.Buffer
	ok(t, png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 4, 4))))
	if status, b := n.do(own.owner, "PUT", path+"/logo", picture.String(), "application/octet-stream"); status != 200 {
		t.Fatalf("logo: %d %s", status, b)
	}
	s = site{}
	n.call(own.owner, "GET", path, "", 200, &s)
	res, err := http.Get(n.base + s.Settings.Logo) // anybody may see it
	ok(t, err)
	res.Body.Close()
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "image/png" || res.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the logo at %s: %d %v", s.Settings.Logo, res.StatusCode, res.Header)
	}
	// By the same way nothing else can be had: not another attachment, not under another company's site.
	for _, address := range []string{"/v1/logos/site-0/" + own.ids["attachments"], "/v1/logos/site-1/" + s.Settings.Logo[len("/v1/logos/site-0/"):], "/v1/logos/site-1/" + rival.ids["attachments"]} {
		if status, _ := n.do(who{}, "GET", address, "", ""); status != 404 {
			t.Errorf("%s: %d, want 404", address, status)
		}
	}
	for what, data := range map[string]string{"a script": `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "a page": "<html><script>", "nothing": ""} {
		if status, _ := n.do(own.owner, "PUT", path+"/logo", data, "application/octet-stream"); status/100 != 4 {
			t.Errorf("%s as a logo: %d", what, status)
		}
	}
	if status, _ := n.do(own.owner, "PUT", path+"/logo", string(make([]byte, 600<<10)), "application/octet-stream"); status != 413 {
		t.Errorf("a logo of 600 kB: %d", status)
	}
}

func TestWebhookSecretOverTheAPI(t *testing.T) {
	n, own, _ := startNode(t, nil)
	var r struct {
		Secret string
		Until  int64 `json:"previous_until"`
	}
	path := "/v1/webhooks/" + own.ids["webhooks"] + "/secret"
	n.call(own.owner, "POST", path, `{}`, 200, &r)
	if wait := time.Until(time.UnixMicro(r.Until)); len(r.Secret) < 20 || wait < 23*time.Hour || wait > 25*time.Hour {
		t.Errorf("rotated: %+v", r)
	}
	r.Until = 0
	n.call(own.owner, "POST", path, `{"hours":0}`, 200, &r)
	if r.Until != 0 {
		t.Errorf("a leaked secret goes on until %d", r.Until)
	}
	n.call(own.owner, "POST", path, `{"hours":1000}`, 422, nil)
}
