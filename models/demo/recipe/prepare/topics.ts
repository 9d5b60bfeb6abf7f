/**
 * What photos are asked about: how each thing is called in both languages, by which words captions speak of it, and
 * which words leave open whether it is there.
 *
 * @module
 */
import type { Language } from "./row.ts";

/** How a language calls a thing, and which words speak of it. */
export interface TopicWords {
  /** The thing in a question or a list: `a dog`. */
  readonly name: string;
  /** In English what follows `any`: `dogs`, `water`. */
  readonly any?: string;
  /** In English the verb of both; default `is` and `are`: there is a dog, there are dogs. */
  readonly verbs?: readonly [name: "Is" | "Are", any: "Is" | "Are"];
  /** Words that say it is there. */
  readonly says: RegExp;
  /** Words that leave it open: whoever says `player` may mean a man. No photo with one of them is a negative. */
  readonly unclear?: RegExp;
}

/** A thing that may be in a photo. */
export interface Topic extends Readonly<Record<Language, TopicWords>> {
  /** Its name in tables, one English word. */
  readonly id: string;
  /** The topic that a single somebody is instead: a woman is no man, whoever calls her a rider. */
  readonly contrary?: string;
}

/** Words for more than one, among whom there may be any. */
export const many: Readonly<Record<Language, RegExp>> = {
  en:
    /\b(people|group|crowd|couple|team|children|kids|friends|famil\w+|two|three|four|five|six|several|many|some|they|their|others?|another|each)\b/i,
  zh: /们|群|两|俩|二|三|四|五|六|几|多|对|和|一家/,
};

/** Whole words, singular or plural, separated by spaces; `*` stands for any letters. */
function words(list: string): RegExp {
  const each = list.split(" ").map((word) => `${word.replaceAll("*", "\\w*")}(?:s|es)?`);
  return new RegExp(`\\b(?:${each.join("|")})\\b`, "i");
}

/** Words of Chinese, separated by spaces. */
function phrases(list: string): RegExp {
  return new RegExp(list.split(" ").join("|"), "i");
}

const somebody = {
  en: words(
    "person people somebody someone group crowd couple player team rider biker cyclist skier surfer snowboarder climber " +
      "skater skateboarder hiker runner adult teen* friend family families parent performer musician band athlete he his " +
      "him they worker swimmer driver wrestler cheerleader dancer soldier officer asian individual passenger fan pedestrian",
  ),
  zh: /(?<![男女])人|运动员|选手|球员|队员|者|员|师|情侣|夫妇|他/,
};
const somebodyYoung = {
  en: words("child children kid baby babies toddler infant youngster teen* young"),
  zh: /(?<![男女])孩|儿童|婴|宝宝|宝贝|幼儿|娃|小朋友|少年/,
};

/** Every topic. */
export const topics: readonly Topic[] = [
  {
    id: "dog",
    en: {
      name: "a dog",
      any: "dogs",
      says: words(
        "dog doggie puppy puppies pup hound greyhound terrier retriever poodle collie labrador lab dalmatian bulldog " +
          "rottweiler doberman pug beagle canine dachshund spaniel schnauzer husky huskies mutt pooch corgi boxer chihuahua " +
          "pitbull shepherd setter",
      ),
      unclear: words("animal pet"),
    },
    zh: { name: "狗", says: phrases("狗 犬 哈士奇"), unclear: phrases("动物 宠物") },
  },
  {
    id: "child",
    en: {
      name: "a child",
      any: "children",
      says: words(
        "child children kid boy girl baby babies toddler infant newborn youngster schoolgirl schoolboy preschooler",
      ),
      unclear: words("young youth teen* student son daughter brother sister family families little people crowd"),
    },
    zh: {
      name: "孩子",
      says: phrases("孩 儿童 婴 宝宝 宝贝 幼儿 娃 小朋友 少年 少女 小家伙 小姑娘"),
      unclear: phrases("学生 青年 年轻 一家 家人 人群 儿子 女儿 母子 父子 母女 父女"),
    },
  },
  {
    id: "man",
    contrary: "woman",
    en: {
      name: "a man",
      any: "men",
      says: words("man men guy gentleman gentlemen male dude cowboy businessman fisherman groom father dad"),
      unclear: new RegExp(`${somebody.en.source}|${words("boy teen* young").source}`, "i"),
    },
    zh: {
      name: "男人",
      says: /男(?!孩|生|童|女)|小伙|先生|大叔|老头|大爷|爷爷|爸爸|父亲|牛仔/,
      unclear: new RegExp(`${somebody.zh.source}|男孩|男生|少年`),
    },
  },
  {
    id: "woman",
    contrary: "man",
    en: {
      name: "a woman",
      any: "women",
      says: words("woman women lady ladies female mother mom bride businesswoman"),
      unclear: new RegExp(`${somebody.en.source}|${words("girl teen* young she her").source}`, "i"),
    },
    zh: {
      name: "女人",
      says: /女(?!孩|生|童|儿)|妇女|妇人|妈妈|母亲|奶奶|美女|阿姨|新娘/,
      unclear: new RegExp(`${somebody.zh.source}|女孩|女生|少女|姑娘|她`),
    },
  },
  {
    id: "person",
    en: {
      name: "a person",
      any: "people",
      says: new RegExp(
        `${somebody.en.source}|${somebodyYoung.en.source}|${
          words("man men guy lady ladies woman women boy girl").source
        }`,
        "i",
      ),
    },
    zh: { name: "人", says: /人|男|女|孩|儿童|婴|宝|娃|员|者|选手|小伙|少年|姑娘|朋友/ },
  },
  {
    id: "boy",
    contrary: "girl",
    en: { name: "a boy", any: "boys", says: words("boy schoolboy"), unclear: somebodyYoung.en },
    zh: { name: "男孩", says: phrases("男孩 男生 男童 小伙子"), unclear: somebodyYoung.zh },
  },
  {
    id: "girl",
    contrary: "boy",
    en: {
      name: "a girl",
      any: "girls",
      says: words("girl schoolgirl"),
      unclear: new RegExp(`${somebodyYoung.en.source}|${words("woman women lady ladies female").source}`, "i"),
    },
    zh: {
      name: "女孩",
      says: phrases("女孩 女生 女童 少女 姑娘"),
      unclear: new RegExp(`${somebodyYoung.zh.source}|女`),
    },
  },
  {
    id: "water",
    en: {
      name: "water",
      any: "water",
      verbs: ["Is", "Is"],
      says: words(
        "water ocean sea lake river pool stream pond creek wave surf fountain puddle waterfall splash* swim* surf*",
      ),
      unclear: words(
        "beach beaches shore* boat kayak* canoe* raft* dock pier bath* wet hose sprinkler bridge fish* dive dives diving coast* island",
      ),
    },
    zh: {
      name: "水",
      says: phrases("水 海 河 湖 池 溪 浪 游泳 喷泉 瀑布 江"),
      unclear: phrases("沙滩 船 艇 划 岸 洗澡 桥 鱼 潜"),
    },
  },
  {
    id: "ball",
    en: {
      name: "a ball",
      any: "balls",
      says: words("ball *ball football basketball baseball volleyball softball soccer tennis"),
      unclear: words("frisbee toy bowling hockey golf* lacrosse rugby cricket game"),
    },
    zh: { name: "球", says: phrases("球"), unclear: phrases("玩具 飞盘") },
  },
  {
    id: "grass",
    en: {
      name: "grass",
      any: "grass",
      verbs: ["Is", "Is"],
      says: words("grass grassy lawn"),
      unclear: words("field yard park garden meadow green backyard pasture hill soccer golf* plant weed hay"),
    },
    zh: { name: "草地", says: phrases("草"), unclear: phrases("公园 院子 田 野外 球场 花园 树林") },
  },
  {
    id: "snow",
    en: {
      name: "snow",
      any: "snow",
      verbs: ["Is", "Is"],
      says: words("snow*"),
      unclear: words("ice icy ski skis skier skiing sled* winter cold frozen"),
    },
    zh: { name: "雪", says: phrases("雪"), unclear: phrases("冰 冬") },
  },
  {
    id: "beach",
    en: {
      name: "a beach",
      any: "beaches",
      says: words("beach beaches beachfront seashore"),
      unclear: words("sand* shore* ocean sea coast* wave surf* desert dune"),
    },
    zh: { name: "沙滩", says: phrases("沙滩 海滩 海边"), unclear: phrases("沙 海 浪 岸") },
  },
  {
    id: "bicycle",
    en: {
      name: "a bicycle",
      any: "bicycles",
      says: words("bicycle bicyclist cyclist bicycling bmx"),
      unclear: words("bike biker biking cycle cycling wheel* tricycle motorbike motorcycle*"),
    },
    zh: { name: "自行车", says: phrases("自行车 单车 山地车 脚踏车"), unclear: phrases("骑 车") },
  },
  {
    id: "motorcycle",
    en: {
      name: "a motorcycle",
      any: "motorcycles",
      says: words("motorcycle motorcyclist motorbike dirtbike moped"),
      unclear: words("bike biker scooter atv motocross motor* rider vehicle quad wheeler"),
    },
    zh: { name: "摩托车", says: phrases("摩托"), unclear: phrases("骑 车") },
  },
  {
    id: "car",
    en: {
      name: "a car",
      any: "cars",
      says: words("car racecar"),
      unclear: words("vehicle truck van jeep bus buses taxi cab suv street road traffic racing race limo* parking"),
    },
    zh: { name: "汽车", says: phrases("汽车 轿车 赛车 小车 跑车"), unclear: phrases("车 街 路") },
  },
  {
    id: "street",
    en: {
      name: "a street",
      any: "streets",
      says: words("street road sidewalk crosswalk highway"),
      unclear: words(
        "city path pavement paved town car bus buses truck alley concrete traffic downtown parade bike bicycle motorcycle* pedestrian curb",
      ),
    },
    zh: { name: "街道", says: phrases("街 马路 公路 路上 路边 道路 大路"), unclear: phrases("路 车 城市 城 道") },
  },
  {
    id: "tree",
    en: {
      name: "a tree",
      any: "trees",
      says: words("tree woods forest wooded"),
      unclear: words(
        "branch branches log park garden leaf leaves yard jungle wood bush bushes mountain hill hike* nature field outdoors palm trail stick",
      ),
    },
    zh: { name: "树", says: phrases("树 森林 林"), unclear: phrases("公园 山 花园 叶 木 野外 院") },
  },
  {
    id: "horse",
    en: {
      name: "a horse",
      any: "horses",
      says: words("horse horseback pony ponies stallion"),
      unclear: words("bull bronco rodeo cowboy donkey animal polo carriage"),
    },
    zh: { name: "马", says: /马(?!路|戏|尾|拉松|桶)/, unclear: phrases("牛 驴 动物 马戏") },
  },
  {
    id: "boat",
    en: {
      name: "a boat",
      any: "boats",
      says: words("boat kayak canoe ship sailboat rowboat raft speedboat"),
      unclear: words("rafting kayak* canoe* sail* row rowing paddl* dock pier harbor"),
    },
    zh: { name: "船", says: phrases("船 艇"), unclear: phrases("划 漂流 码头 帆 筏") },
  },
  {
    id: "bird",
    en: {
      name: "a bird",
      any: "birds",
      says: words("bird duck gull seagull pigeon goose geese swan parrot eagle owl flamingo heron"),
      unclear: words("animal feather flock crane hawk falcon"),
    },
    zh: { name: "鸟", says: phrases("鸟 鸭 鸽 鹅 海鸥 鹰 鹦鹉 天鹅"), unclear: phrases("动物 鸡 鹤") },
  },
  {
    id: "rock",
    en: {
      name: "a rock",
      any: "rocks",
      says: words("rock rocky boulder cliff"),
      unclear: words("stone mountain* climb* canyon concrete cave wall ledge"),
    },
    zh: { name: "石头", says: phrases("石 岩 悬崖 峭壁"), unclear: phrases("山 攀 崖") },
  },
  {
    id: "mountain",
    en: {
      name: "a mountain",
      any: "mountains",
      says: words("mountain mountainside mountaintop mountainous"),
      unclear: words("hill cliff rock rocky peak ski* snow* climb* hik* canyon valley slope summit ridge"),
    },
    zh: { name: "山", says: phrases("山"), unclear: phrases("岩 石 崖 坡 雪 攀 野外") },
  },
  {
    id: "hat",
    en: {
      name: "a hat",
      any: "hats",
      says: words("hat cap beanie visor cowboy"),
      unclear: words("helmet hood* headband bandana costume head* uniform cone crown wig"),
    },
    zh: { name: "帽子", says: phrases("帽"), unclear: phrases("头") },
  },
  {
    id: "frisbee",
    en: {
      name: "a frisbee",
      any: "frisbees",
      says: words("frisbee"),
      unclear: words("disc disk toy ring object plate something catch*"),
    },
    zh: { name: "飞盘", says: phrases("飞盘 飞碟"), unclear: phrases("盘 玩具 东西 圈") },
  },
  {
    id: "skateboard",
    en: {
      name: "a skateboard",
      any: "skateboards",
      says: words("skateboard*"),
      unclear: words("board boarder boarding skat* scooter ramp rollerblad* trick"),
    },
    zh: { name: "滑板", says: phrases("滑板"), unclear: phrases("滑 轮") },
  },
  {
    id: "swing",
    en: {
      name: "a swing",
      any: "swings",
      says: words("swing swingset swinging"),
      unclear: words("playground rope hang* bat golf* tire"),
    },
    zh: { name: "秋千", says: phrases("秋千"), unclear: phrases("荡 绳 游乐") },
  },
  {
    id: "slide",
    en: {
      name: "a slide",
      any: "slides",
      says: words("slide waterslide"),
      unclear: words("playground sliding sled* park pool tube"),
    },
    zh: { name: "滑梯", says: phrases("滑梯 滑滑梯"), unclear: phrases("滑 游乐") },
  },
  {
    id: "glasses",
    en: {
      name: "glasses",
      any: "glasses",
      verbs: ["Are", "Are"],
      says: words("sunglass glass goggles shades eyeglass"),
      unclear: words("helmet mask swim* ski* drink* wine beer bar window costume"),
    },
    zh: { name: "眼镜", says: phrases("眼镜 墨镜 太阳镜 目镜"), unclear: phrases("镜 头盔 面具 潜") },
  },
  {
    id: "toy",
    en: {
      name: "a toy",
      any: "toys",
      says: words("toy"),
      unclear: words("ball frisbee doll bear truck bubble balloon lego game object play*"),
    },
    zh: { name: "玩具", says: phrases("玩具"), unclear: phrases("玩 球 娃 盘") },
  },
  {
    id: "flower",
    en: {
      name: "flowers",
      any: "flowers",
      verbs: ["Are", "Are"],
      says: words("flower floral tulip rose bouquet flowered"),
      unclear: words("plant garden bush bushes bloom* petal pattern* field wedding hawaiian lei"),
    },
    zh: { name: "花", says: /花(?!园|样|式|衣|裙|纹|格|球|白|色|豹|斑|季)/, unclear: phrases("花 草 园 植物 婚") },
  },
  {
    id: "building",
    en: {
      name: "a building",
      any: "buildings",
      says: words("building skyscraper church"),
      unclear: words(
        "house home city street wall town store shop window roof tower room castle bridge structure inside restaurant door* porch mall apartment urban station monument statue school barn balcony stairs sidewalk",
      ),
    },
    zh: {
      name: "建筑",
      says: phrases("建筑 楼 大厦 教堂 房子"),
      unclear: phrases("房 屋 城 街 墙 塔 家 店 窗 室 门 厅 路 台阶"),
    },
  },
];
