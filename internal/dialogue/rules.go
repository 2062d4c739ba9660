package dialogue

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"frontdesk/internal/dialogue/semantic"
)

// orderNumber is the form of the demo shop's order numbers.
var orderNumber = regexp.MustCompile(`(?i)\bYS\s?-?(\d{10})\b`)

// findOrder returns an order number in a text, written as the shop writes it.
func findOrder(text string) (string, bool) {
	if !strings.ContainsAny(text, "yYｙＹ") {
		return "", false
	}
	m := orderNumber.FindStringSubmatch(semantic.Normalise(text))
	if m == nil {
		return "", false
	}
	return "YS" + m[1], true
}

// proofs are four digits, or a phone number, which compliance has sealed; a longer run of digits is something else.
var proofs = regexp.MustCompile(`<phone:\d+>|(?:^|[^0-9a-z])(\d{4})(?:[^0-9]|$)`)

// provesOrder are words that say what the digits beside them are; without one, hardly anything else may be in the text:
// "2025 年买的洗衣机" proves nothing.
var provesOrder = regexp.MustCompile(`尾号|末尾|[后末最].{0,2}[四4]位|手机|电话|号码|\b(last (four|4)|ending|ends|phone|mobile|digits|number)\b`)

// proofRest is how many letters may stand around bare digits.
const proofRest = 4

// findProof returns what of a text may prove that an order is the customer's: the last four digits of a phone, or the token
// of a whole one.
func findProof(text string) string {
	if strings.IndexByte(text, '<') < 0 && strings.IndexFunc(text, unicode.IsDigit) < 0 {
		return ""
	}
	text = orderNumber.ReplaceAllString(semantic.Normalise(text), " ")
	m := proofs.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	if m[1] == "" {
		return m[0]
	}
	if rest := bare(strings.Replace(text, m[1], " ", 1)); utf8.RuneCountInString(rest) > proofRest && !provesOrder.MatchString(text) {
		return ""
	}
	return m[1]
}

// sealed is a value that compliance has put into the vault.
var sealed = regexp.MustCompile(`<[a-z_]+:\d+>`)

// spoken is a text without order numbers and sealed values: their letters say nothing of the customer's language.
func spoken(text string) string {
	if strings.IndexByte(text, '<') >= 0 {
		text = sealed.ReplaceAllString(text, "")
	}
	if _, ok := findOrder(text); ok {
		text = orderNumber.ReplaceAllString(semantic.Normalise(text), "")
	}
	return text
}

// Small talk that needs no search: the whole message, normalised and without punctuation, is one of these.
var smallTalk = phrases(map[string]string{
	"greeting": "你好 您好 你好呀 你好啊 您好呀 嗨 哈喽 哈啰 喂 在吗 在不在 在么 有人吗 早 早上好 上午好 中午好 下午好 晚上好 你好在吗 您好在吗 亲 亲在吗 客服 客服在吗 hi|hello|hey|hi there|hello there|hey there|good morning|good afternoon|good evening|anyone there|is anyone there|are you there",
	"thanks":   "谢谢 谢谢你 谢谢您 多谢 谢了 谢谢啦 非常感谢 感谢 太感谢了 好的谢谢 好的谢谢你 知道了谢谢 明白了谢谢 收到谢谢 行谢谢 ok谢谢 嗯谢谢 谢谢客服 辛苦了 thanks|thank you|thanks a lot|thank you very much|thank you so much|many thanks|thx|ty|ok thanks|okay thanks|ok thank you|okay thank you|great thanks|great thank you|perfect thanks|perfect thank you|cheers",
	"bye":      "再见 拜拜 拜 回见 下次再聊 没事了再见 那再见 bye|goodbye|bye bye|see you|see you later|have a nice day|that is all bye",
	"ok":       "好 好的 好吧 好滴 嗯 嗯嗯 哦 哦哦 行 可以 知道了 明白 明白了 好嘞 好咧 OK的 了解 了解了 收到 没事 没事了 没问题了 没有了 不用了 ok okay|ok got it|okay got it|ok i see|great|cool|alright|all right|got it|i see|understood|fine|sure|no thanks|nothing else|that is all|never mind",
	"identity": "你是谁 你是机器人吗 你是人吗 你是真人吗 你是人工吗 你叫什么 你叫什么名字 你是ai吗 你是什么|who are you|are you a bot|are you a robot|are you human|are you real|are you a real person|am i talking to a bot|is this a bot|what are you",
	"person":   "人工 转人工 人工客服 转人工客服 转人工服务 人工服务 找人工 要人工 我要人工 我要转人工 请转人工 帮我转人工 麻烦转人工 真人 真人客服 找真人 我要真人 转接人工 转接人工客服 找客服 我要找客服 联系人工客服 接人工 叫人工 叫人来 找个人 我要找人工 我想找人工 人工在吗 有人工吗 有没有人工 怎么转人工 如何转人工 human|agent|person|a person|real person|a real person|talk to a person|talk to a human|speak to a person|speak to a human|talk to an agent|speak to an agent|human please|agent please|a person please|representative|speak to a representative|talk to someone|speak to someone|customer service representative|operator|live agent|live chat|i want a human|i want to talk to a person|connect me to a person|connect me to an agent|can i talk to a person|can i speak to a person|can i talk to a human|can i speak to someone|let me talk to a person|let me speak to a human",
})

func phrases(by map[string]string) map[string]string {
	out := map[string]string{}
	for name, list := range by {
		for _, p := range strings.Split(list, "|") {
			if isASCII(p) {
				out[bare(p)] = name
				continue
			}
			for _, w := range strings.Fields(p) { // Chinese phrases hold no spaces; the last one may be English
				out[bare(w)] = name
			}
		}
	}
	return out
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// bare normalises a text and leaves only letters, digits and single spaces between ASCII words.
func bare(text string) string {
	var b strings.Builder
	space, last := false, rune(0)
	for _, r := range semantic.Normalise(text) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if space && last != 0 && last < utf8.RuneSelf && r < utf8.RuneSelf {
				b.WriteByte(' ')
			}
			space, last = false, r
			b.WriteRune(r)
		case r == '\'' || r == '’':
		default:
			space = true
		}
	}
	return b.String()
}

// A plain wish for a person inside a longer message. A question about the phone number or hours of customer service is a
// question, so these are verbs with their object.
var wantsPerson = regexp.MustCompile(`(转|找|要|接|换|叫|请|联系)(一下|个|一个|你们的?|到)?(人工|真人|活人)|人工(客服)?(来|接|处理|服务吧)|(不要|别再?|不想)(跟|和|用|让)?机器人|` +
	`\b(talk|speak|chat|connect me|transfer me|put me through|get me)\b.{0,20}\b(human|person|agent|representative|someone|operator|somebody|advisor)\b`)

// The words without one of which wantsPerson and complains cannot match. Looking for them costs a hundredth of what the
// expressions cost, and nearly every message has none.
var (
	people     = strings.Fields("人工 真人 活人 机器人 human person agent representative someone operator somebody advisor")
	grievances = strings.Fields("投诉 12315 消协 工商局 领导 经理 主管 老板 complain manager supervisor boss")
)

func mentions(text string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// A complaint is for a person, at once. How and where to complain is a question like others.
var (
	complains = regexp.MustCompile(`^投诉$|^(你们|客服|师傅|商家)?投诉(你们|你|他们?|客服)$|(要|想|得|去|就|必须|准备|打算)投诉|要?(打|去|找)(12315|消协|工商局)|找你们(领导|经理|主管|老板)|叫你们(领导|经理|主管|老板)|` +
		`^(a |this is a |i have a |complaint about .*)?complaint$|\b(want|wanna|need|like|going|have) (to )?(complain|(make|file|raise|lodge|submit) (a|an official|a formal) complaint)\b|` +
		`\b(speak|talk) (to|with) (your|the|a) (manager|supervisor|boss)\b|\bget me (your|the|a) (manager|supervisor|boss)\b`)
	asksHow = regexp.MustCompile(`怎么|怎样|如何|多少|多久|哪|几|为什么|电话|渠道|方式|流程|吗$|弄$|\b(how|what|when|where|which|why)\b`)
)

// upset is a message about how badly served somebody feels, without what it is about.
var upset = regexp.MustCompile(`^(真是|真让人|让人|真|简直|太|都是|一群)?(垃圾|废物|骗子|坑人|差劲|没用|失望|无语|恶心|气死我?|受够|烦死|离谱|过分|糊弄人?)(了|的|透顶)?$|` +
	`(你们?|客服|服务|机器人|公司|这家店?|态度)(这群|这帮|家|店|人|的?客服|的?服务|的?态度|的?机器人)?(真的?|太|就是|都是|全是|简直|实在|是|一点都?|根本|怎么这么|也太|的?态度)*(垃圾|废物|没用|差|差劲|烂|骗子|坑人|不负责任?|糊弄人?|敷衍|智障|傻|蠢|笨|恶心|不专业|恶劣)(了|透了|死了|的|人)?$|` +
	`^什么(破|烂|垃圾|鬼)?(服务|客服|公司|态度|破店|玩意)$|^(我)?(真的?)?(受够|气死|无语)(我|你们)?了$|^(你们?)?(到底|究竟)?(有没有人管|还有没有人管|有人管(吗|没有)|管不管|没人管)(我|了)?$|说了半天(等于没说|没用)|答非所问|听不懂人话|` +
	`\b(you|u|you people|you guys|your (service|support|company|bot|team|staff)|this (service|bot|company|shop|chat)) (are|is|r)( all| so| just| totally| completely| absolutely| really| truly| beyond| utterly)*( a| the)? (useless|terrible|awful|rubbish|garbage|trash|pathetic|hopeless|joke|worst|incompetent|stupid|ridiculous|scam|scammers|liars|horrible|crap|disgrace|no help|not helping|not helpful)\b|` +
	`^(this is |that is |what a |so |totally |absolutely |just )*(ridiculous|useless|unacceptable|outrageous|disgraceful|pathetic|rubbish|terrible|awful|a joke|joke|disgrace)( service| support| company| bot)?$|` +
	`^(this is |that is )?(the )?worst (service|support|company|shop|experience)( ever)?$|^i ?a?m (so |very |really )*(angry|furious|fed up|disgusted|disappointed|done with (you|this))\b.{0,20}$|^does any(body|one) care$`)

func isUpset(text string) bool {
	key := bare(text)
	most := wishRunes
	if !isASCII(key) {
		most /= 2 // as much is said in half the letters
	}
	return utf8.RuneCountInString(key) <= most && upset.MatchString(strings.TrimRight(key, "啊呀呢吧哦啦！"))
}

// Wishes that are put as a question about how: still a wish when short.
const wishRunes = 40

// rule decides small talk and wishes for a person; empty means the text wants a search.
func rule(text string) string {
	// Polite particles at the end do not change what is meant.
	key := bare(text)
	if utf8.RuneCountInString(key) <= wishRunes {
		for _, k := range []string{key, strings.TrimRight(key, "吧啊呀呢哦哈啦嘛了"), strings.TrimSuffix(key, " please"), strings.TrimPrefix(key, "please ")} {
			if name := smallTalk[k]; name != "" {
				return name
			}
		}
	}
	if mentions(key, people) && wantsPerson.MatchString(key) {
		return "person"
	}
	if mentions(key, grievances) && complains.MatchString(key) && !asksHow.MatchString(key) {
		return "complaint"
	}
	if key == "" {
		return "empty"
	}
	return ""
}

// withoutGreeting cuts a leading greeting off a question ("你好，怎么退货").
var leadingGreeting = regexp.MustCompile(`^(?i)(您好|你好|你们好|请问一下|请问|哈喽|嗨|亲|在吗|hi there|hello there|hi|hello|hey|good morning|good afternoon|good evening)[\s,，.。!！~～、:：]+`)

func withoutGreeting(text string) string {
	rest := text
	for {
		cut := leadingGreeting.ReplaceAllString(rest, "")
		if cut == rest || cut == "" {
			return rest
		}
		rest = cut
	}
}

// Marks of a finished question or statement: words that say so wherever they stand, and else how a text ends.
var (
	askWords = strings.Fields("怎么 怎样 如何 多少 多久 多长 多大 几天 几号 几点 什么 哪 谁 为何 能不能 可不可以 是不是 有没有 要不要 啥 咋")
	asks     = regexp.MustCompile(`[?？!！。；;.…~～]\s*$|[吗呢么嘛吧]\s*$|可以.+吗|(?i)\b(how|what|when|where|who|why|which|can|could|do|does|did|is|are|will|would|should|may)\b.+`)
)

// shortRunes and longRunes: below, a text without any mark of an end may be a fragment; at longRunes people have said it.
const longRunes = 30

// Complete reports whether the burst looks finished, so that waiting for more would only cost time: its last message is
// a known wording, small talk, a question, a number we asked for, or simply long.
func Complete(r Release, s State, burst []Message) bool {
	if len(burst) == 0 {
		return true
	}
	last := burst[len(burst)-1].Content
	text := strings.TrimSpace(last.Text())
	if text == "" || len(last.Parts) > 1 || last.Parts[0].Kind != "text" {
		return true
	}
	if s.Expect != "" || utf8.RuneCountInString(text) >= longRunes || mentions(text, askWords) || asks.MatchString(text) {
		return true
	}
	if _, ok := findOrder(text); ok {
		return true
	}
	// A lone greeting is often the first breath of a question; it is still answered at once, as people are.
	if rule(text) != "" {
		return true
	}
	_, known := r.Exact(text, 0)
	if !known && len(burst) > 1 {
		_, known = r.Exact(joined(burst), 0)
	}
	return known
}

// joined is the text of several messages as one.
func joined(burst []Message) string {
	parts := make([]string, 0, len(burst))
	for _, m := range burst {
		if t := strings.TrimSpace(m.Content.Text()); t != "" {
			parts = append(parts, t)
		}
	}
	return strings.Join(parts, " ")
}
