package demo

import "frontdesk"

// Product is one thing the shop sells. Prices are whole yuan.
type Product struct {
	SKU     string              `json:"sku"`
	Kind    string              `json:"kind"` // washer, fridge, ac, ...: the prefix of the entries about it, where there are some
	Name    frontdesk.Localized `json:"name"`
	Price   int                 `json:"price"`
	Large   bool                `json:"large"`   // delivered into the home by the shop's own team
	Install bool                `json:"install"` // a technician comes after delivery
}

func large(sku, kind string, price int, zh, en string) Product {
	return Product{sku, kind, frontdesk.Localized{"zh": zh, "en": en}, price, true, false}
}

func fitted(sku, kind string, price int, zh, en string) Product {
	return Product{sku, kind, frontdesk.Localized{"zh": zh, "en": en}, price, true, true}
}

func small(sku, kind string, price int, zh, en string) Product {
	return Product{sku, kind, frontdesk.Localized{"zh": zh, "en": en}, price, false, false}
}

// products is the whole range. The dozen on the storefront is part of it, at the same prices.
var products = []Product{
	large("BX-480", "fridge", 4299, "十字门冰箱 480 升", "Four-door fridge 480 L"),
	large("BX-320", "fridge", 2599, "三门冰箱 320 升", "Three-door fridge 320 L"),
	large("BX-210", "fridge", 1499, "双门冰箱 210 升", "Two-door fridge 210 L"),
	fitted("XY-10G", "washer", 2899, "滚筒洗衣机 10 公斤", "Front-loading washer 10 kg"),
	fitted("XY-08B", "washer", 1199, "波轮洗衣机 8 公斤", "Top-loading washer 8 kg"),
	fitted("XH-12G", "washer", 4599, "洗烘一体机 12 公斤", "Washer-dryer 12 kg"),
	fitted("HG-10", "dryer", 3799, "热泵烘干机 10 公斤", "Heat-pump dryer 10 kg"),
	fitted("KT-26", "ac", 2399, "变频空调 1 匹", "Inverter air conditioner 1 HP"),
	fitted("KT-35", "ac", 3199, "变频空调 1.5 匹", "Inverter air conditioner"),
	fitted("KT-72", "ac", 6399, "立柜式空调 3 匹", "Floor air conditioner 3 HP"),
	fitted("DR-60", "heater", 1599, "电热水器 60 升", "Water heater 60 L"),
	fitted("DR-50", "heater", 999, "电热水器 50 升", "Water heater 50 L"),
	fitted("RQ-16", "heater", 2499, "燃气热水器 16 升", "Gas water heater 16 L"),
	fitted("YJ-C8", "hood", 2199, "侧吸式油烟机", "Side-draft range hood"),
	fitted("YJ-T9", "hood", 2699, "顶吸式油烟机", "Top-draft range hood"),
	fitted("RZ-52", "stove", 1099, "双眼燃气灶", "Two-burner gas stove"),
	fitted("XW-14", "dish", 3399, "洗碗机 14 套", "Dishwasher, 14 settings"),
	fitted("XW-08", "dish", 2299, "洗碗机 8 套", "Dishwasher, 8 settings"),
	large("DS-65", "tv", 3699, "4K 电视 65 英寸", "4K television 65\""),
	large("DS-55", "tv", 2499, "4K 电视 55 英寸", "4K television 55\""),
	large("DS-75", "tv", 5499, "4K 电视 75 英寸", "4K television 75\""),
	small("SD-R2", "robot", 2399, "扫拖机器人", "Robot vacuum and mop"),
	small("SD-R1", "robot", 1399, "扫地机器人", "Robot vacuum"),
	small("FB-40", "cooker", 599, "电饭煲 4 升", "Rice cooker 4 L"),
	small("FB-30", "cooker", 329, "电饭煲 3 升", "Rice cooker 3 L"),
	small("JH-48", "purifier", 1299, "空气净化器", "Air purifier"),
	small("WB-23", "microwave", 799, "微波炉 23 升", "Microwave 23 L"),
	small("KX-35", "microwave", 459, "电烤箱 35 升", "Electric oven 35 L"),
	small("ZG-50", "airfryer", 299, "空气炸锅 5 升", "Air fryer 5 L"),
	small("JS-600", "water", 1699, "厨下净水器", "Under-sink water purifier"),
	small("XC-V8", "vacuum", 1199, "无线吸尘器", "Cordless vacuum cleaner"),
	small("JD-40", "humidifier", 199, "加湿器 4 升", "Humidifier 4 L"),
	small("FS-D1", "fan", 299, "直流落地扇", "DC floor fan"),
	small("SH-17", "kettle", 199, "电水壶 1.7 升", "Kettle 1.7 L"),
	small("PB-12", "blender", 499, "静音破壁机", "Quiet blender"),
	small("YD-20", "iron", 259, "手持挂烫机", "Hand-held steamer"),
	small("LX-J1", "parts", 269, "净化器复合滤网", "Purifier filter"),
	small("LX-S1", "parts", 189, "净水器前置滤芯", "Water purifier pre-filter"),
	small("PJ-Y1", "parts", 35, "空调遥控器", "Air conditioner remote"),
	small("PJ-B1", "parts", 59, "扫地机边刷（4 支）", "Robot side brushes (4)"),
}

// Names are made of trees, weather and fields, so that nobody real carries them.
var (
	familyNames = []string{"云", "杉", "竹", "溪", "松", "岚", "禾", "麦", "星", "橘", "榛", "苔"}
	givenNames  = []string{"小满", "听雨", "青柠", "一禾", "白露", "知夏", "望舒", "半夏", "晚晴", "谷雨", "南枝", "初雪", "拾月", "言蹊", "芒种", "飞星", "若木", "早早", "团团", "长风"}
	englishGive = []string{"Alder", "Hazel", "Linden", "Juniper", "Rowan", "Maple", "Aspen", "Willow", "Laurel", "Cedar"}
	englishLast = []string{"Sample", "Demo", "Example"}
)

// place is where a customer lives: how far it is decides how long a parcel takes.
type place struct {
	zh, en string
	reach  reach
}

type reach uint8

const (
	usual reach = iota
	near        // Jiangsu, Zhejiang and Shanghai: one day less
	remote
)

var places = []place{
	{"杭州", "Hangzhou", near}, {"上海", "Shanghai", near}, {"南京", "Nanjing", near}, {"苏州", "Suzhou", near}, {"宁波", "Ningbo", near},
	{"北京", "Beijing", usual}, {"广州", "Guangzhou", usual}, {"深圳", "Shenzhen", usual}, {"成都", "Chengdu", usual}, {"武汉", "Wuhan", usual},
	{"西安", "Xi'an", usual}, {"长沙", "Changsha", usual}, {"郑州", "Zhengzhou", usual}, {"济南", "Jinan", usual}, {"合肥", "Hefei", usual},
	{"重庆", "Chongqing", usual}, {"沈阳", "Shenyang", usual}, {"厦门", "Xiamen", usual}, {"乌鲁木齐", "Urumqi", remote}, {"拉萨", "Lhasa", remote},
}
