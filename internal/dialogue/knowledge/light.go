package knowledge

import (
	_ "embed"
	"strings"

	"frontdesk/internal/dialogue/semantic"
)

// synonyms.txt is our own list, no more than what any shop's customers mix freely.
//
//go:embed synonyms.txt
var synonymsFile string

var synonyms = func() map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(synonymsFile) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		for _, w := range words[1:] {
			m[semantic.Stem(w)] = semantic.Stem(words[0])
		}
	}
	return m
}()

// canonical is the word that stands for all its synonyms.
func canonical(word string) string {
	if c, ok := synonyms[word]; ok {
		return c
	}
	return word
}

// Words that carry the asking, the politeness or the grammar, and not what is asked. They keep a small part of their
// weight: enough to tell 怎么退货 from 为什么退货, too little to make 怎么做红烧肉 look like a question about a shop.
var lightWords = func() map[string]float32 {
	m := map[string]float32{}
	add := func(weight float32, words string) {
		for _, w := range strings.Fields(words) {
			m[w] = weight
			m[semantic.Stem(w)] = weight
		}
	}
	add(.05, `的 了 吗 呢 吧 啊 呀 哦 嗯 哈 嘛 么 啦 哎 唉 诶 喂 地 得 着 过 之 是 我 你 您 他 她 它 我们 你们 咱们 他们 大家 们 请 请问 麻烦 谢谢
		你好 您好 在 在吗 亲 亲爱的 那 这 那个 这个 那些 这些 就 也 都 还 又 才 很 太 真 好 和 跟 与 或 把 被 给 让 对 向 从 到 于 为 个 一 一个 一下 下
		想 想要 要 请教 问 问下 问一下 咨询 了解 知道 告诉 帮 帮我 帮忙 帮助 有 有人 现在 然后 但是 可是 不过 如果 因为 所以 而且 已经 一直 呃 额 以 其 此 该 所
		the a an of to in on at for from by with and or but if so as it its this that these those i me my mine we us our you your yours he she they them their
		be is are was were am please thanks thank hi hello hey there just really very also then now some any all about into out up down
		want would like need could should may might will shall let know tell help get have has had do does did hi dear sir madam ok okay well`)
	add(.15, `怎么 怎样 怎么样 如何 咋 咋样 咋办 怎么办 什么 啥 哪 哪里 哪儿 哪个 哪些 哪种 谁 几 多少 多 多久 多长 多长时间 什么样 为什么 为何 为啥 何时 几时 什么时候 何 是否 是不是
		能 能不能 能否 可以 可不可以 可否 会 会不会 有没有 没有 没 行 行不行 应该 需要 用 做 弄 搞 办 去 来 说 看 里 里面 上 中 时 时候 后 前 之后 之前 以后 以前 还是 呢 怎
		how what which who whom whose when where why can cannot many much long often far not no yes way use using make there way any something anything someone`)
	return m
}()

// weightOf is how much of its idf a word keeps.
func weightOf(word string) float32 {
	if w, ok := lightWords[word]; ok {
		return w
	}
	return 1
}

func charLight(ch string) float32 {
	if w, ok := lightWords[ch]; ok {
		return w
	}
	return 1
}

// rarity is how much a word that the knowledge lacks weighs: little if it is common in any text, such as 昨天, and fully
// if it names something rare that nobody here knows about.
func rarity(t semantic.Token) float32 {
	if t.Kind != semantic.Han {
		return 1
	}
	return min(1, max(.3, (semantic.Rarity(t.Text)-5)/7))
}

// mood says what a text asks for, and whether it is negated.
type mood uint16

const (
	asksHow mood = 1 << iota
	asksWhy
	asksWhen
	asksHowLong
	asksHowMuch
	asksWhere
	asksWho
	asksWhich
	negated
)

var moods = func() map[string]mood {
	m := map[string]mood{}
	add := func(what mood, words string) {
		for _, w := range strings.Fields(words) {
			m[w] |= what
		}
	}
	add(asksHow, "怎么 怎样 如何 咋 咋样 怎么办 咋办 怎 方法 办法 步骤 流程 教程 how way step")
	add(asksWhy, "为什么 为何 为啥 原因 怎么回事 咋回事 why reason caus")
	add(asksWhen, "什么时候 何时 几时 几点 哪天 啥时候 when time hour date")
	add(asksHowLong, "多久 多长 多长时间 几天 几年 几个月 时长 long day week month year soon")
	add(asksHowMuch, "多少钱 价格 费用 收费 价钱 几块 钱 cost price fee charge charg much expens")
	add(asksWhere, "哪里 哪儿 哪 何处 在哪 地址 where address location")
	add(asksWho, "谁 哪位 who whom")
	add(asksWhich, "哪个 哪种 哪款 哪些 哪一 which")
	add(negated, "不 没 没有 无法 未 别 非 勿 not no never without unable fail")
	return m
}()

func moodOf(tokens []semantic.Token) mood {
	var m mood
	for i := range tokens {
		t := &tokens[i]
		m |= moods[t.Text] | moods[canonical(t.Text)]
		if t.Kind == semantic.Han && len(t.Text) > 3 {
			switch t.Text[:3] {
			case "不", "没", "无", "未":
				m |= negated
			}
		}
	}
	return m
}
