package knowledge

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Synthetic returns n made-up entries of a service desk for appliances, two thirds Chinese and one third English, each
// with three similar wordings, for measuring speed at a size no demo has. The same n and seed give the same entries. No
// two share a wording, and yet most words stand in hundreds of entries, as in real knowledge.
func Synthetic(n int, seed int64) []Entry {
	zh := grid("zh", zhProducts, zhKinds, zhAsks, "")
	en := grid("en", enProducts, enKinds, enAsks, " ")
	r := rand.New(rand.NewPCG(uint64(seed), 20260))
	shuffle := func(c []cell) { r.Shuffle(len(c), func(i, j int) { c[i], c[j] = c[j], c[i] }) }
	shuffle(zh)
	shuffle(en)
	out := make([]Entry, n)
	for i := range out {
		from, at := zh, i-i/3-1
		if i%3 == 0 {
			from, at = en, i/3
		}
		c := from[at%len(from)]
		if round := at / len(from); round > 0 { // the grid is used up: the same asked of numbered models
			c.product += fmt.Sprintf(" %c%d", 'A'+round%26, 100+round)
		}
		out[i] = c.entry(i)
	}
	return out
}

// cell is one question of the grid: a product and what is asked about it.
type cell struct{ lang, product, ask string }

func grid(lang, products, kinds, asks, joint string) []cell {
	var out []cell
	for _, ask := range strings.Split(strings.TrimSpace(asks), "\n") {
		for p := range strings.FieldsSeq(products) {
			for k := range strings.FieldsSeq(kinds) {
				name := strings.ReplaceAll(k+joint+p, "_", " ")
				out = append(out, cell{lang, name, ask})
			}
		}
	}
	return out
}

func (c cell) entry(i int) Entry {
	parts := strings.Split(c.ask, "|")
	for j := range parts {
		parts[j] = strings.ReplaceAll(parts[j], "*", c.product)
	}
	return Entry{ID: fmt.Sprintf("s%06d", i), Question: parts[0], Similar: parts[1:4], Answer: parts[4], Lang: c.lang, Category: c.product}
}

// Products and kinds are joined to names; asks are four wordings and an answer, * is the product.
const (
	zhKinds    = `家用 商用 迷你 智能 变频 静音 折叠 嵌入式`
	zhProducts = `洗衣机 冰箱 空调 热水器 油烟机 洗碗机 微波炉 电饭煲 烘干机 吸尘器 净水器 加湿器 除湿机 电风扇 电暖器 投影仪 榨汁机 豆浆机 咖啡机 电水壶
		消毒柜 燃气灶 电磁炉 空气炸锅 扫地机器人 挂烫机 电熨斗 按摩椅 足浴盆 取暖桌 饮水机 面包机 料理机 电压力锅 酒柜 冷柜`
	zhAsks = `
*怎么安装|*安装要哪些步骤|自己在家装*该从哪里下手|新到的*不会装|*请先固定底座，再接通电源和水路，详细步骤见说明书第三页。
*安装怎么收费|装一台*要给师傅多少钱|*上门装机费用是多少|*安装要另外付钱吗|*首次安装免费，加长管线等材料按公示价收取。
*保修多长时间|*质保期是几年|*买了几年之内坏了免费修|*的保修年限怎么算|*整机保修一年，主要部件保修三年，以发票日期起算。
*漏水怎么处理|*底下一直渗水|*地上淌水是哪里坏了|*用着用着开始滴水|请先关闭*的进水阀，检查接口垫圈；仍然渗水请预约上门检修。
*噪音太大怎么办|*运行起来嗡嗡响|*声音吵得睡不着|*工作时有异常响声|请确认*放平且四周留有间隙，异响持续请联系售后检测。
*开不了机怎么回事|*按电源键没反应|*插上电不通电|*突然启动不了|请检查插座和*电源线，长按电源键五秒复位。
*怎么清洗|*里面脏了如何清理|*多久需要洗一次|*清洁保养的方法|断电后用软布和中性清洁剂擦拭*，滤网每月清洗一次。
*滤芯多久换一次|*过滤网什么时候该更换|*的耗材寿命有多长|*换滤芯的周期|*滤芯建议每六个月更换一次，指示灯变红时及时更换。
*耗电量是多少|*一天用几度电|*费不费电|开着*一个月电费大概多少|*额定功率见铭牌，能效等级在商品详情页可以查到。
*尺寸是多少|*长宽高各多少厘米|*放得进六十公分的柜子吗|*占多大地方|*的外形尺寸在商品页“规格参数”里，建议四周多留五厘米。
*显示故障代码什么意思|*屏幕上跳出错误码|*报警亮红灯代表什么|*面板出现E开头的字母|请记录*的代码并查说明书附录，无法消除时预约维修。
*怎么连接手机|*配网失败怎么解决|*用手机控制如何设置|*连不上无线网络|打开应用选择添加设备，长按*的联网键五秒进入配网。
*遥控器失灵怎么办|*遥控按了没用|*的遥控器不管用了|控制*的遥控器丢了怎么配|先更换遥控器电池，需要新遥控器可在配件商城选购*专用款。
*可以退货吗|买的*不满意能退掉吗|*拆了包装还给退不|*七天内想退回去|*签收七天内未安装使用可以退货，安装后仅限质量问题。
*怎么换货|*收到颜色不对想换一台|*换一个型号怎么操作|*送错规格要求调换|在订单页申请换货，客服审核后安排取回*并补发。
*几天能送到|*下单后多久到货|买了*什么时候送来|*的配送时效|*现货一般三到五天送达，偏远地区顺延。
*送货上楼吗|*能不能搬到六楼|*没有电梯给送上去吗|*搬运上楼怎么算钱|*免费送到楼下，无电梯上楼按层收取搬运费。
*能开发票吗|买*的发票在哪里申请|*怎样开具增值税专票|*电子发票发到哪|确认收货后在订单页申请*的电子发票，二十四小时内开出。
*支持分期吗|*能不能按月付款|买*分十二期有没有利息|*信用卡分期怎么操作|*支持三、六、十二期，部分银行免手续费。
*有优惠券吗|*怎么领券下单|*满减活动还能用吗|*的折扣码在哪里填|*可用的优惠券在商品页领取，结算时自动抵扣。
*降价了补差价吗|刚买*就便宜了能退差额吗|*价格保护几天|*保价怎么申请|*签收后十五天内降价可在订单页申请价保。
*以旧换新怎么操作|旧的*拿来抵钱换新机|*旧机回收能折多少|*回收要自己拆吗|提交旧*照片估价，送新机时师傅一并取走旧机。
*延长保修怎么买|*加保一年多少钱|*过保前可以续保吗|*的延保服务在哪办|购买*后三十天内可在订单页加购延保。
*维修点在哪里|附近哪里能修*|*送修地址怎么查|*找哪个网点维修|在“服务网点”输入城市即可查到*的维修点。
*怎么预约维修|*坏了报修打什么电话|*约师傅上门检查|*报修流程|在订单页点“申请维修”，选择*故障和上门时间。
*维修进度怎么查|*送修几天了修好没有|*返修到哪一步了|*修理单状态在哪看|在“我的服务单”里可以看到*的维修进度。
*上门检修收费吗|*过保后修一次多少钱|*检测费怎么算|师傅来看*不修要不要钱|*保修期内免费，过保收取检测费和配件费。
*童锁怎么解除|*面板锁住按不动|*儿童锁如何开关|*误触上锁了怎么打开|同时长按*的锁定键三秒即可解锁。
*能定时吗|*预约启动怎么设|*晚上自动关机怎么调|*定时开关在哪里设置|按*的预约键，用加减键选择小时数后确认。
*有异味怎么去除|*闻起来有股塑料味|*里面发臭怎么办|*用了有怪味|新*首次使用前请空机运行二十分钟并通风。
*温度怎么调|*调高几度按哪里|*温控不准怎么校正|*设定温度在什么地方改|按*的温度键加减，每次变化一度。
*跳闸是什么原因|*一开就断电|*启动时家里空气开关掉下来|*漏电保护总是动作|请停用*并拔掉插头，由专业人员检测绝缘。
*说明书丢了去哪下载|*电子版使用手册|*操作指南在哪里看|*没附说明书怎么办|在“服务支持”输入型号即可下载*的说明书。
*怎么恢复出厂设置|*重置按哪个键|*初始化怎么操作|*设置乱了想还原|关机状态下同时按住*的电源键和功能键五秒。
*配件在哪里买|*零件坏了单独卖吗|*原装配件多少钱|*缺一个螺丝怎么补|*的原装配件在配件商城按型号搜索购买。
*收到有划痕怎么办|*外壳磕坏了|*到货时包装破损|*运输途中碰伤能赔吗|请在签收四十八小时内上传*照片，我们补偿或换新。
*少发了配件怎么办|*箱子里缺东西|*没有收到赠品|*包装里漏了零件|核对清单后联系客服，我们三天内补寄*的缺件。
*能退运费吗|退*的快递费谁承担|*寄回去邮费怎么算|*退回运费报销吗|质量问题退*由我们承担运费，其他情况由买家承担。
*适合多大的房间|*二十平米够用吗|*几个人用选哪款|*客厅用功率够不够|*的适用面积在商品页写明，建议选大一档。
*材质安全吗|*内胆是什么材料|*含不含有害物质|*通过什么认证|*接触部位为食品级材料，检测报告见商品页。
*怎么取消订单|*下错单不想要了|还没发货的*如何撤销|*拍错型号退单|未发货的*可在订单页直接取消，款项原路退回。
*可以改收货地址吗|*送去别的小区怎么改|*地址填错了|*换个收件人电话|*出库前可在订单页修改地址，出库后联系配送员。
*现在有货吗|*缺货什么时候补|*到货提醒怎么设|*哪天能再买到|*缺货时点“到货通知”，补货后短信提醒。
*和上一代有什么区别|*新款升级了哪些|*新旧两款怎么选|*换代后多了什么功能|新款*加入了静音模式并更省电。
*会员买便宜吗|*会员价多少|*积分能抵多少钱|*有没有会员专享价|会员购买*享九八折，积分一百抵一元。
*怎么投诉师傅|安装*的人态度差|*服务不好找谁反映|装*乱收费去哪举报|请在服务单里点“投诉”，*售后主管当天回电。
*能寄到国外吗|*海外发货怎么办|*可以送到港澳台吗|*出国能带去用吗|*暂不支持境外配送，电压为二百二十伏。
*试用期多久|*不好用能试几天|*有没有先用后付|*免费试用怎么申请|*参加三十天试用活动，可在活动页申请。
*批量采购有优惠吗|公司一次买十台*|*团购价怎么谈|*企业采购找谁|五台以上*请联系企业采购，享专属报价。`
	enKinds    = `home commercial mini smart quiet foldable`
	enProducts = `washing_machine refrigerator air_conditioner water_heater dishwasher microwave rice_cooker dryer vacuum_cleaner humidifier fan heater
		projector juicer coffee_maker kettle oven cooktop air_fryer robot_mop steam_iron massage_chair wine_cooler freezer toaster blender`
	enAsks = `
How do I install the *?|What are the steps to set up my *?|Can I mount a * by myself?|My new * arrived and I cannot fit it|Fix the base of the * first, then connect power; see page three of the manual.
How much does * installation cost?|What will the fitter charge for a *?|Is setting up the * free of charge?|Price of having the * fitted|The first installation of a * is free; extra pipes are charged by list.
How long is the warranty on the *?|Is my * still covered if it breaks?|How many years of guarantee does the * have?|Warranty period for *|The * has one year of warranty, main parts three.
The * is leaking, what should I do?|There is water under my *|Why does the * drip on the floor?|Water keeps coming out of the *|Close the valve of the * and check the seal.
Why is the * so noisy?|My * makes a loud humming noise|The * rattles when it runs|Strange sound coming from the *|Put the * on level ground and leave a gap around it.
The * does not turn on|My * has no power at all|Nothing happens when I press start on the *|Why won't the * switch on?|Check the socket, then hold the power key of the * for five seconds.
How do I clean the *?|What is the best way to wash the inside of a *?|How often should the * be cleaned?|Cleaning tips for my *|Unplug the * and use a soft cloth; clean the filter monthly.
How often do I replace the filter of the *?|When should the * filter be changed?|The * shows a filter light|How long does a * filter last?|Change the filter of the * every six months.
How much electricity does the * use?|What is the power consumption of a *?|Is the * expensive to run?|Energy rating of the *|The rated power of the * is on its label.
What are the dimensions of the *?|How big is the *?|Will the * fit under a sixty centimetre counter?|Height and width of the *|Sizes of the * are listed under specifications.
What does the error code on my * mean?|The * display shows a fault code|A red light blinks on the *|My * reports an error|Note the code of the * and see the appendix of its manual.
How do I connect the * to my phone?|The * will not join the wifi|Pairing the * with the app fails|Control the * by mobile|Hold the network key of the * for five seconds to pair.
The remote of the * does not work|My * ignores its remote control|I lost the remote for the *|Order a new remote for a *|Replace the batteries first; spare remotes for the * are in the parts shop.
Can I return the *?|I am not happy with my *, may I send it back?|Return policy for an opened *|How many days do I have to give back the *?|An unused * can be returned within seven days.
How can I exchange the *?|I got a * in the wrong colour|Swap my * for another model|The * delivered is not the size I ordered|Request an exchange on the order page; we collect the *.
When will the * be delivered?|How many days until my * arrives?|Delivery time for a *|I ordered a *, when does it come?|A * in stock arrives in three to five days.
Do you carry the * upstairs?|Is stair delivery of the * possible?|No lift here, who brings the * to the sixth floor?|Carrying fee for a *|We deliver the * to your door; stairs cost extra.
How do I get an invoice for the *?|Can you issue a tax receipt for my *?|Where is the receipt of the *?|I need a bill for the * I bought|Request the invoice of the * on the order page.
Can I pay for the * in instalments?|Monthly payments for a *|Is there interest when I finance the *?|Split the price of the * over a year|Three, six or twelve payments are possible for the *.
Is there a coupon for the *?|Where do I enter a discount code for the *?|Any deals on a * now?|Promotion for buying the *|Coupons for the * are on its product page.
The price of the * dropped, will you refund the difference?|I bought a * and it is cheaper now|Price protection for the *|How long is my * price guaranteed?|Ask for the difference within fifteen days of receiving the *.
How does trade in of an old * work?|Swap my old * for a new one and save|What do I get for a used *?|Who takes away the old *?|Send photos of the old * for an estimate.
How do I book a repair of the *?|My * broke, who can come and fix it?|Schedule a technician for the *|Report a fault of the *|Choose repair on the order page of the *.
What is the status of my * repair?|Is my * fixed yet?|Track the repair of a *|How far is the service job for my *?|See the progress of the * under my services.
Where can I buy spare parts for the *?|I need a replacement part of the *|Are original accessories of the * sold?|Broken knob on my *, where to order?|Search the parts shop by the model of the *.
The * arrived damaged|There is a scratch on my new *|My * was broken in transport|The box of the * was crushed|Upload photos of the * within two days and we replace it.
Parts are missing from the * package|The * came without its accessories|I did not get the gift with the *|Screws missing in the box of the *|We send missing parts of the * within three days.
How do I unlock the child lock of the *?|The panel of the * is locked|Turn off key lock on my *|Buttons of the * do not respond, a lock symbol shows|Hold the lock key of the * for three seconds.
Where can I download the manual of the *?|I lost the instructions for my *|User guide for the *|Is there a PDF handbook of the *?|Enter the model of the * under support.
How do I reset the *?|Restore my * to factory settings|Reboot the * after an error|Settings of the * are messed up|Hold power and mode of the * for five seconds.
How do I cancel my order for the *?|I ordered the * by mistake|Stop the shipment of the *|I no longer want the * I ordered|Cancel the * on the order page before it ships.
Can I change the delivery address of the *?|Send the * to another address|I typed the wrong street for my *|New phone number for the * delivery|Change the address of the * before it leaves our store.
Is the * in stock?|When will the * be available again?|Tell me when I can buy the *|The * is sold out|Tap notify me on the page of the *.
What is the difference between the old and the new *?|Which generation of the * should I choose?|What is improved in the latest *?|Compare the two versions of the *|The new * is quieter and saves power.
Who do I complain to about the * fitter?|The man who installed my * was rude|Bad service with my *, who is in charge?|File a complaint about the * team|Tap complain in the service job of the *.
Do you ship the * abroad?|Can I use the * in another country?|International delivery of a *|What voltage does the * need overseas?|We do not ship the * abroad; it needs 220 volts.
Is there a business discount on the *?|Price for ten pieces of the *|Bulk order of the * for our company|Who handles corporate purchases of the *?|For five or more of the *, contact business sales.
My * smells bad, how do I get rid of it?|New * has a plastic odour|Bad smell from the *|The * stinks when it runs|Run the empty * for twenty minutes and air the room.
The * trips the breaker|Power goes out when I start the *|Why does the * blow the fuse?|Circuit breaker falls when the * runs|Stop using the * and have its insulation checked.
How do I set a timer on the *?|Can the * start by itself in the morning?|Switch off the * automatically at night|Delay start of the *|Press timer on the * and choose the hours.`
)
