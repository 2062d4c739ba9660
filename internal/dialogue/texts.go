package dialogue

import (
	"fmt"
	"time"

	"frontdesk"
)

// What the bot says of itself, by name. Both languages, always.
var texts = map[string]frontdesk.Localized{
	"greeting":        {"zh": "您好，我是智能客服，请问有什么可以帮您？", "en": "Hello, I'm the virtual assistant. How can I help?"},
	"thanks":          {"zh": "不客气，很高兴能帮到您。还有别的问题随时问我。", "en": "You're welcome. Ask me any time if there's anything else."},
	"bye":             {"zh": "再见，祝您生活愉快！", "en": "Goodbye, and have a nice day!"},
	"ok":              {"zh": "好的，有需要随时告诉我。", "en": "All right. Let me know if you need anything."},
	"identity":        {"zh": "我是智能客服机器人，能回答常见问题；需要的话我可以帮您转人工。", "en": "I'm an automated assistant. I answer common questions, and I can bring in a person if you need one."},
	"clarify":         {"zh": "您想问的是下面哪一个？", "en": "Which of these do you mean?"},
	"clarify_one":     {"zh": "您想问的是这个吗？", "en": "Is this what you mean?"},
	"sorry":           {"zh": "非常抱歉，给您带来了不好的体验。", "en": "I'm sorry that we let you down."},
	"upset":           {"zh": "非常抱歉，让您不满意了。请告诉我是哪件事没办好，我来查；也可以直接转人工，由同事帮您处理。", "en": "I'm sorry that we let you down. Tell me what went wrong and I'll look into it, or I can bring in a colleague to sort it out."},
	"abstain":         {"zh": "抱歉，这个问题我还答不上来，已经记录下来。需要的话，我可以帮您转人工客服。", "en": "Sorry, I don't have an answer to that yet, and I've noted your question. I can bring in a person if you like."},
	"abstain_again":   {"zh": "抱歉又没能帮上忙。建议您转人工客服，由同事来处理。", "en": "Sorry, I couldn't help again. I suggest a colleague takes a look: just ask for a person."},
	"empty":           {"zh": "收到。请用一句话说说您遇到的问题，我来帮您看看。", "en": "Got it. Tell me in a sentence what the problem is and I'll take a look."},
	"person":          {"zh": "转人工", "en": "Talk to a person"},
	"picture":         {"zh": "图片收到了。请再用一句话说明您想问什么；需要人工查看图片的话，请点“转人工”。", "en": "I've received the picture. Please tell me in a sentence what you'd like to know, or ask for a person to look at it."},
	"handoff":         {"zh": "好的，正在为您转接人工客服，请稍候。您可以先把问题写下来，同事接入后就能看到。", "en": "Sure, I'm bringing in a colleague. Feel free to write down your question while you wait; they'll see it."},
	"handoff_sorry":   {"zh": "我马上为您转接人工客服，由同事跟进处理。您可以先说说是哪件事，同事接入后就能看到。", "en": "I'm bringing in a colleague who can take care of this. Tell us what happened while you wait; they'll see it."},
	"handoff_closed":  {"zh": "现在不在人工服务时间。您的留言已经记下，客服上班后会尽快回复您。", "en": "Our team is off duty right now. Your message is saved and a colleague will reply as soon as we're back."},
	"handoff_until":   {"zh": "现在不在人工服务时间（%s 恢复）。您的留言已经记下，客服上班后会尽快回复您。", "en": "Our team is off duty until %s. Your message is saved and a colleague will reply once we're back."},
	"handoff_nobody":  {"zh": "客服同事暂时都不在线。您的留言已经记下，有人上线后会第一时间回复您。", "en": "No colleague is online at the moment. Your message is saved and someone will reply as soon as they're back."},
	"queue_told":      {"zh": "已收到，人工客服接入后会看到这条消息。", "en": "Got it. A colleague will see this when they join."},
	"already_waiting": {"zh": "您已经在排队了，客服会尽快接入，请稍候。", "en": "You're already in the queue. A colleague will be with you soon."},
	"ask_order":       {"zh": "请把订单号发给我（YS 开头加 10 位数字），我来查物流进度。", "en": "Please send me your order number (YS followed by 10 digits) and I'll look it up."},
	"order_found":     {"zh": "这是您的订单：", "en": "Here is your order:"},
	"order_none":      {"zh": "没有查到这个订单号，请核对后再发一次，或者转人工客服处理。", "en": "I couldn't find that order number. Please check it and send it again, or ask for a person."},
	"order_proof":     {"zh": "为保护订单信息，请再发一下下单手机号的后四位，核对后马上为您查询。", "en": "To keep your order private, please send the last four digits of the phone number you ordered with, and I'll look it up."},
	"order_mismatch":  {"zh": "订单号和手机号后四位对不上，请核对后再发一次，或者转人工客服。", "en": "The order number and those four digits don't match. Please check them and send them again, or ask for a person."},
	"order_tries":     {"zh": "核对失败次数较多，为保护订单信息，暂时不能继续查询。请一小时后再试，或者转人工客服。", "en": "That was too many mismatches, so to keep orders private I can't look this one up now. Please try again in an hour, or ask for a person."},
	"order_down":      {"zh": "订单系统暂时查不了，已为您记录。请稍后再试，或者转人工客服。", "en": "I can't reach the order system right now. Please try again shortly, or ask for a person."},
	"order_nudge":     {"zh": "还需要查订单吗？把订单号发给我就行。", "en": "Do you still want me to look up your order? Just send the order number."},
	"hand_back":       {"zh": "人工服务已结束，我是智能客服，继续为您服务。", "en": "The colleague has left the conversation. I'm the virtual assistant, back at your service."},
	"trouble":         {"zh": "抱歉，系统出了点小问题，已为您转给人工客服。", "en": "Sorry, something went wrong on our side. I've passed you on to a colleague."},
	"withheld":        {"zh": "抱歉，这个问题需要人工客服为您解答。", "en": "Sorry, a colleague needs to answer this one."},
}

// Text returns a text of the bot by name.
func Text(name, language string) string {
	t, ok := texts[name]
	if !ok {
		panic("dialogue: no text " + name)
	}
	return t.In(language)
}

// joinSentences puts one text behind another as the language does.
func joinSentences(first, then, language string) string {
	if first == "" || language == "zh" {
		return first + then
	}
	return first + " " + then
}

// when says a time as people would, in the zone it carries, and names the zone: who reads it may be anywhere.
func when(t time.Time, now time.Time, language string) string {
	now = now.In(t.Location())
	y, m, d := now.Date()
	days := int(t.Sub(time.Date(y, m, d, 0, 0, 0, 0, t.Location())).Hours() / 24)
	clock := t.Format("15:04")
	if language == "zh" {
		day := fmt.Sprintf("%d月%d日", t.Month(), t.Day())
		switch days {
		case 0:
			day = "今天"
		case 1:
			day = "明天"
		}
		return zoneName(t, "zh") + day + " " + clock
	}
	day := t.Format("2 January, 15:04")
	switch days {
	case 0:
		day = clock + " today"
	case 1:
		day = clock + " tomorrow"
	}
	return day + " (" + zoneName(t, "en") + ")"
}

// chinese are the zones that keep Beijing time.
var chinese = map[string]bool{"Asia/Shanghai": true, "Asia/Chongqing": true, "Asia/Harbin": true, "PRC": true}

// zoneName is a time's zone as people write it: UTC+8, 北京时间.
func zoneName(t time.Time, language string) string {
	if language == "zh" && chinese[t.Location().String()] {
		return "北京时间"
	}
	_, offset := t.Zone()
	name, sign := "UTC", '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	if offset > 0 {
		name += fmt.Sprintf("%c%d", sign, offset/3600)
	}
	if minutes := offset / 60 % 60; minutes > 0 {
		name += fmt.Sprintf(":%02d", minutes)
	}
	if language == "zh" {
		return name + " "
	}
	return name
}
