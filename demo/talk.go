package demo

// Overnight and Late are what an agent writes to customers who are not there any more: those who left a message while the
// shop was closed, and those who have waited long. Each is by language, and holds several ways to put it.
var (
	Overnight = map[string][][]string{
		"zh": {
			{"早上好，让您久等了。您昨晚的留言我看到了，先帮您核实一下。", "已经登记好了，今天 18:00 前同事会联系您。您看到消息后有别的问题，随时再来找我们。"},
			{"您好，很抱歉让您等到现在，我看了前面的对话。", "这件事已转给售后同事优先处理，有结果会第一时间发消息给您。"},
			{"早上好，留言收到了，给您添麻烦了。", "相关情况已经记下，如果方便，请回复一个白天能接电话的时间，我们给您回电。"},
		},
		"en": {
			{"Good morning, and sorry for the wait. I have read the message you left us.", "It is with the right colleague now; you will hear from us before 18:00 today (UTC+8)."},
			{"Good morning. Thank you for your message, I am looking into it.", "I have passed it to our after-sales team as urgent. Just write here if anything else comes up."},
		},
	}
	Late = map[string][][]string{
		"zh": {
			{"让您久等了，前面的对话我看过了。", "您的情况已经记下，转给售后同事跟进，今天内会联系您。"},
			{"抱歉，刚才咨询的人比较多，现在由我来为您处理。", "已经帮您提交，处理结果会发消息通知您。"},
		},
		"en": {
			{"Sorry to keep you waiting. I have read the conversation above.", "Our after-sales team has it now and will be in touch today."},
		},
	}
)

// What simulated customers and agents say beyond the questions of the knowledge: each by language. %s is an order number in
// orderAsks and a phone number in phoneNotes.
var (
	greetings = map[string][]string{
		"zh": {"你好", "您好", "在吗", "有人吗", "在不在", "hi", "你好，问个事", "晚上好"},
		"en": {"hi", "hello", "hey there", "good morning", "anyone here?"},
	}
	thanks = map[string][]string{
		"zh": {"谢谢", "好的谢谢", "明白了", "多谢啦", "好嘞", "知道了，谢谢", "OK", "再见"},
		"en": {"thanks", "great, thank you", "ok got it", "cheers", "bye"},
	}
	humanAsks = map[string][]string{
		"zh": {"转人工", "我要找真人", "人工客服", "给我接人工", "能不能换个人来跟我说", "叫你们客服来", "找个活人聊行吗"},
		"en": {"a person please", "speak to a human", "agent", "I want to talk to someone", "connect me to a real person"},
	}
	leadIns = map[string][]string{
		"zh": {"在吗", "我想问一下", "那个", "你好啊", "请教个事"},
		"en": {"hi", "quick question", "one thing", "hey"},
	}
	orderAsks = map[string][]string{
		"zh": {"帮我查下 %s", "%s 到哪了", "订单号%s，怎么还没到", "%s", "我的单子%s现在什么情况", "看看这个订单%s发了没"},
		"en": {"where is %s", "%s", "check order %s please", "what's happening with %s", "has %s been sent?"},
	}
	phoneNotes = map[string][]string{
		"zh": {"我电话是%s，让师傅打给我", "联系我 %s", "下单手机号%s，你查查"},
		"en": {"my number is %s, please call me", "I ordered with %s"},
	}
	humanMatters = map[string][]string{
		"zh": {"我的情况比较复杂，想让人看一下", "之前跟你们同事说好的，补偿还没给", "订单里两件东西，想一件换一件退", "家里老人弄错了，想商量一下怎么处理", "师傅说要换主板，我想确认费用"},
		"en": {"my case is a bit complicated", "a colleague of yours promised a refund last week", "one item to swap and one to return from the same order", "the technician says the board must be replaced and I want to confirm the price"},
	}
	complaints = map[string][][]string{
		"zh": {
			{"等了整整五天还没送到", "你们到底管不管"},
			{"刚装好的空调就漏水", "墙都泡了", "这质量也太差了吧"},
			{"约好上午来安装，等到下午三点没人来", "打电话也不接"},
			{"退款说三天到，现在一个星期了", "再不退我就去投诉"},
			{"师傅多收了我两百块", "跟网上写的完全不一样"},
			{"洗衣机修了三次还是坏的", "我真的受够了"},
		},
		"en": {
			{"I have been waiting five days", "does anybody care?"},
			{"the fitter never showed up", "I took a day off for this"},
			{"you promised my refund last week", "still nothing, this is ridiculous"},
			{"third repair and it is broken again", "I am done with this machine"},
		},
	}
	reasons = map[string][]string{
		"zh": {"没说到点子上", "答非所问", "还是要等", "没有解决，只让我等消息", "问了几遍都不对", "想找人找不到"},
		"en": {"did not answer my question", "still waiting", "had to ask three times", "no one was there"},
	}
	rushAsks = map[string][]string{
		"zh": {"是不是下大雪快递都停了", "中州转运中心的货什么时候能动", "物流卡在中州两天了", "新闻说大雪封路，我的包裹受影响吗", "快递三天没更新了，是因为下雪吗", "大雪天还能送到吗"},
		"en": {"is my parcel stuck because of the snow", "nothing has moved at the Zhongzhou hub for two days", "are deliveries delayed by the snowstorm"},
	}
	agentTalk = map[string][][]string{
		"zh": {
			{"您好，我是云杉的客服小溪，您的问题我看到了，我先查一下订单，请稍等一两分钟。", "查到了，已经帮您登记加急，24 小时内会有同事联系您。", "还有别的可以帮您吗？"},
			{"您好，我来帮您处理。方便说一下具体是哪一件商品吗？", "明白了，我这边已经提交售后，审核通过后会发短信给您。"},
			{"让您久等了，我看一下前面的对话。", "这个情况可以申请换新，我已经给您开好单子，师傅后天上午上门。"},
		},
		"en": {
			{"Hello, this is Brook from Spruce. Let me look at your order, one moment please.", "I have marked it urgent; a colleague will contact you within 24 hours.", "Is there anything else I can do?"},
			{"Hello, I have read the conversation above and will take care of it.", "The request is in. You will get a message as soon as it has been reviewed."},
		},
	}
	apologies = map[string][][]string{
		"zh": {
			{"真的很抱歉让您这么着急。我是客服主管竹听雨，这件事由我来跟进。", "已经联系承运方加急处理，一有结果我亲自回复您。"},
			{"非常抱歉给您添了麻烦，我马上核实。", "核实清楚了，是我们的疏忽。多收的费用按差价的 3 倍退给您，24 小时内到账。"},
		},
		"en": {
			{"I am truly sorry for this. I am Hazel, the supervisor, and I will follow it up myself.", "I have called the carrier and will come back to you myself as soon as I hear from them."},
			{"I am sorry about the trouble. Let me check what went wrong.", "This was our mistake. I have arranged a visit for tomorrow, free of charge."},
		},
	}
)
